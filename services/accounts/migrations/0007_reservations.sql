-- Who is just about to give roles of a business: none is dropped meanwhile. The id is the tenant name.
create table reservations (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

alter table reservations enable row level security;
alter table reservations force row level security;
create policy own on reservations to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on reservations to ${service};
