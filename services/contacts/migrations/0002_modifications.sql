-- Proposals to add and to release people. The id is the partnership's and the one that both sides call it, with a slash between.

create table modifications (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    partnership_id text collate "C" not null,
    shown_as text collate "C" not null,
    created_at timestamptz not null,
    primary key (tenant, id)
);
create index modifications_newest on modifications (tenant, partnership_id, created_at desc, id desc);

alter table modifications enable row level security;
alter table modifications force row level security;
create policy own on modifications to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on modifications to ${service};
