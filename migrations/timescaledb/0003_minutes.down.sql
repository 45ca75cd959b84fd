-- What sample_minute is depends on the server: a table, or a continuous aggregate.
do $$
begin
    if to_regclass('sample_minute') is null then
        return;
    end if;
    if (select relkind from pg_class where oid = to_regclass('sample_minute')) = 'v' then
        execute 'drop materialized view sample_minute';
    else
        execute 'drop table sample_minute';
    end if;
end
$$;

drop table sample_stale;
