-- Contacts that an offer or a login is just about to need: they cannot be deleted meanwhile.
create table reservations (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    -- The ids of the contacts, and when it no longer counts.
    contacts text collate "C" not null,
    until timestamptz not null,
    primary key (tenant, id)
);
create index reservations_by_end on reservations (tenant, until, id);

alter table reservations enable row level security;
alter table reservations force row level security;
create policy own on reservations to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on reservations to ${service};
