-- The other businesses, as they told of themselves; and partnerships are found by the business on the other side.

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

-- Old code beside this goes on without the column; its rows get it when they are kept next.
alter table partnerships add column counterpart text collate "C" not null default '';
-- The policy is for the running service only: without force the owner sees its rows.
alter table partnerships no force row level security;
update partnerships set counterpart = state ->> 'counterpart';
alter table partnerships force row level security;
create index partnerships_counterpart on partnerships (tenant, counterpart, id);
