-- The directory, the people of each partnership, and what waits for an acceptance. ${service} is the service's role.

create table contacts (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    name_search text collate "C" not null,
    -- Name, e-mail and title, each on a line, case folded: what `q` is looked for in.
    search text collate "C" not null,
    primary key (tenant, id)
);
create index contacts_by_name on contacts (tenant, name_search, id);

create table partnerships (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    -- Whether it stops any contact or role from being deleted, and which.
    living boolean not null,
    holds text collate "C" not null,
    primary key (tenant, id)
);
create index partnerships_living on partnerships (tenant, living, id);

create table parked (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

alter table contacts enable row level security;
alter table contacts force row level security;
alter table partnerships enable row level security;
alter table partnerships force row level security;
alter table parked enable row level security;
alter table parked force row level security;

create policy own on contacts to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on partnerships to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on parked to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));

grant select, insert, update, delete on contacts, partnerships, parked to ${service};
