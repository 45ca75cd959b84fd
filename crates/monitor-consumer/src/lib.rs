//! monitor-consumer
