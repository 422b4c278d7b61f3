-- The records of the accounts service. `state` is the whole record as JSON; the columns beside it serve the lists.

-- One row a business; its id is the tenant name, so that a name is claimed once.
create table businesses (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

-- One row a business: who its active admins are. Whoever changes them locks it, so the last two cannot both leave.
create table admins (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

create table users (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    name_search text collate "C" not null,
    primary key (tenant, id)
);
create index users_name on users (tenant, name_search, id);

-- One row an e-mail of a business (its id), so that two people cannot get the same one at once.
create table logins (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

create table sessions (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    user_id text collate "C" not null,
    primary key (tenant, id)
);
create index sessions_user on sessions (tenant, user_id, id);

create table environments (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

create table settings (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

-- Failed logins by hashed account or address. Rows older than the window are removed as new ones come.
create table attempts (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    since timestamptz not null,
    primary key (tenant, id)
);
create index attempts_since on attempts (tenant, since, id);

alter table businesses enable row level security;
alter table businesses force row level security;
alter table admins enable row level security;
alter table admins force row level security;
alter table users enable row level security;
alter table users force row level security;
alter table logins enable row level security;
alter table logins force row level security;
alter table sessions enable row level security;
alter table sessions force row level security;
alter table environments enable row level security;
alter table environments force row level security;
alter table settings enable row level security;
alter table settings force row level security;
alter table attempts enable row level security;
alter table attempts force row level security;

create policy own on businesses to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on admins to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on users to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on logins to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on sessions to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on environments to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on settings to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on attempts to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));

grant select, insert, update, delete on businesses, admins, users, logins, sessions, environments, settings, attempts to ${service};
