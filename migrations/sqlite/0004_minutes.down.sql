drop view sample_minute;
