-- Copies of users and teams, news, what each person was told, and the mails. ${service} is the service's role, ${service}_ops the one
-- the mailer runs as: it sees the mails of all tenants and nothing else of this file.
create table users (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    primary key (tenant, id)
);
create table teams (like users including all);
create table audiences (like users including all);
create table preferences (like users including all);

create table news (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    at timestamptz not null,
    primary key (tenant, id)
);
create index news_newest on news (tenant, at, id);

create table notifications (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    user_id text collate "C" not null,
    at timestamptz not null,
    unread boolean not null,
    primary key (tenant, id)
);
create index notifications_mine on notifications (tenant, user_id, at, id);
create index notifications_unread on notifications (tenant, user_id, at, id) where unread;

-- due_at is null once nothing more is to be done: then sent_at says when it was sent, or error why it never will be.
create table mails (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    due_at timestamptz default now(),
    attempts int not null default 0,
    sent_at timestamptz,
    error text,
    primary key (tenant, id)
);
create index mails_due on mails (due_at, id) where due_at is not null;
create index mails_sent on mails (sent_at) where sent_at is not null;

create function mails_wake() returns trigger language plpgsql as $$
begin
    perform pg_notify('mails', '');
    return null;
end $$;
create trigger mails_wake after insert on mails for each statement execute function mails_wake();

alter table users enable row level security;
alter table users force row level security;
alter table teams enable row level security;
alter table teams force row level security;
alter table audiences enable row level security;
alter table audiences force row level security;
alter table preferences enable row level security;
alter table preferences force row level security;
alter table news enable row level security;
alter table news force row level security;
alter table notifications enable row level security;
alter table notifications force row level security;
alter table mails enable row level security;
alter table mails force row level security;

create policy own on users to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on teams to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on audiences to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on preferences to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on news to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on notifications to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on mails to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy mailer on mails to ${service}_ops using (true);

grant select, insert, update on users, teams, audiences, preferences, news, notifications, mails to ${service};
grant select, update, delete on mails to ${service}_ops;
