//! monitor-producer
