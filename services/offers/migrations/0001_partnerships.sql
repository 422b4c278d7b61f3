-- Offers: the partnership as each side sees it, and what accounts told of our own side.

create table partnerships (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    shown text collate "C" not null,
    status text collate "C" not null,
    role text collate "C" not null,
    turn text collate "C" not null,
    company text collate "C" not null,
    name_search text collate "C" not null,
    viewers text collate "C" not null,
    turn_since timestamptz not null,
    sent_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant, id)
);
-- One index for each order of the home list.
create index partnerships_updated on partnerships (tenant, shown, updated_at desc, id desc);
create index partnerships_company on partnerships (tenant, company, id);
create index partnerships_turn on partnerships (tenant, turn_since, id);
create index partnerships_sent on partnerships (tenant, sent_at desc, id desc);
create index partnerships_status on partnerships (tenant, status, updated_at desc, id desc);

-- The live partnership in which we are the partner of another tenant (the id); one at most.
create table pairs (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

-- Our own tenants as accounts told.
create table businesses (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

-- Our own users as accounts told.
create table logins (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

-- Whose login an e-mail (the id) is.
create table mailboxes (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);

alter table partnerships enable row level security;
alter table partnerships force row level security;
create policy own on partnerships to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on partnerships to ${service};

alter table pairs enable row level security;
alter table pairs force row level security;
create policy own on pairs to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on pairs to ${service};

alter table businesses enable row level security;
alter table businesses force row level security;
create policy own on businesses to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on businesses to ${service};

alter table logins enable row level security;
alter table logins force row level security;
create policy own on logins to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on logins to ${service};

alter table mailboxes enable row level security;
alter table mailboxes force row level security;
create policy own on mailboxes to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on mailboxes to ${service};
