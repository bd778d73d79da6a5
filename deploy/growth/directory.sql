-- A directory of all persons: where each one's household is kept. 2,000 of them are looked up, as for a part.
create unlogged table sim.directory (person_key uuid not null, shard smallint not null);
insert into sim.directory select md5('p'||i)::uuid, i % 32 from generate_series(0, :persons - 1) i;
set maintenance_work_mem = '1GB';
alter table sim.directory add primary key (person_key);
vacuum analyze sim.directory;
select sim.persons('directory', 'of ' || :persons || ' persons', 'shards of 2,000 persons',
    'select d.person_key, d.shard from unnest($1) k join sim.directory d on d.person_key = k', :persons, 2000, 30);
select sim.note('directory', 'of ' || :persons || ' persons', 'bytes a person with the key''s index',
    pg_total_relation_size('sim.directory')::numeric / :persons, 'B');
