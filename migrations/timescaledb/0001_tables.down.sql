drop table ingest_offset;
drop table sample_wide;
drop table run;
drop table machine;
drop table resource;
drop table task;
drop table orders;
