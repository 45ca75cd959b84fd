drop table pipeline;
