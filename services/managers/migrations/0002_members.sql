-- Who is in a team, as "|id|id|", so that the teams of a user who was renamed or lost the login are found.
alter table teams add column members text collate "C" not null default '';

-- The owner of the tables sees no tenant's rows either: for the length of this transaction the policies do not bind it.
alter table teams no force row level security;
update teams set members = (
    select coalesce('|' || string_agg(one.member ->> 'id', '|' order by one.place) || '|', '')
    from jsonb_array_elements(state -> 'members') with ordinality as one (member, place)
);
alter table teams force row level security;
