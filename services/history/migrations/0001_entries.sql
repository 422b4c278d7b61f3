-- The timeline of each partnership: one row a fact, written once and never changed. ${service} is the service's role.
create table entries (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    partnership_id text collate "C" not null,
    at timestamptz not null,
    primary key (tenant, id)
);
create index entries_timeline on entries (tenant, partnership_id, at, id);

alter table entries enable row level security;
alter table entries force row level security;
create policy own on entries to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update on entries to ${service};
