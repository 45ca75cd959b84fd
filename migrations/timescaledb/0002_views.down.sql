drop view run_named;
drop view sample_named;
drop view sample;
drop view sample_long;
