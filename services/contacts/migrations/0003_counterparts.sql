-- What the businesses that we work with are called; the id is the tenant name.
create table counterparts (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

alter table counterparts enable row level security;
alter table counterparts force row level security;
create policy own on counterparts to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on counterparts to ${service};
