-- The businesses we are in partnerships with: what each was told of our profile, and what it has told of its own.
create table counterparts (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    -- Whether any partnership with it is live, so that it hears of our changes.
    live boolean not null,
    primary key (tenant, id)
);
create index counterparts_live on counterparts (tenant, live, id);

alter table counterparts enable row level security;
alter table counterparts force row level security;
create policy own on counterparts to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on counterparts to ${service};
