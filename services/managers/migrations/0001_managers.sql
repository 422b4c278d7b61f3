-- The team of each partnership, and the users of our own side as accounts last stated them. ${service} is the service's role.

create table teams (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

create table colleagues (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

alter table teams enable row level security;
alter table teams force row level security;
alter table colleagues enable row level security;
alter table colleagues force row level security;

create policy own on teams to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on colleagues to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));

grant select, insert, update, delete on teams, colleagues to ${service};
