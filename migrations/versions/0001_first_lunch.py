"""The first lunch: everything from a message heard to money settled."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The ledger's two rules, held by the database itself: a movement sums to zero when its
# transaction commits, and nothing that was booked is ever changed.
LEDGER_RULES = """
CREATE FUNCTION ledger_group_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movement bigint := coalesce(to_jsonb(NEW)->>'group_id', to_jsonb(NEW)->>'id')::bigint;
    entries bigint;
    total bigint;
BEGIN
    SELECT count(*), coalesce(sum(amount_fen), 0) INTO entries, total
    FROM ledger_entries WHERE group_id = movement;
    IF entries < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'ledger group % does not balance: % entries, % fen',
            movement, entries, total USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_group_balances();
CREATE CONSTRAINT TRIGGER ledger_groups_balance AFTER INSERT ON ledger_groups
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_group_balances();
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_groups_append_only BEFORE UPDATE OR DELETE ON ledger_groups
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE order_code_serial MINVALUE 0 START 0")
    op.execute("CREATE SEQUENCE refund_code_serial MINVALUE 0 START 0")
    op.create_table(
        "campuses",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tz", sa.String(), nullable=False),
        sa.Column("file", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("menu_version", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campuses")),
        sa.UniqueConstraint("name", name=op.f("uq_campuses_name")),
    )
    op.create_table(
        "accounts",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("original_id", sa.String(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("aes_key", sa.LargeBinary(), nullable=True),
        sa.Column("previous_aes_key", sa.LargeBinary(), nullable=True),
        sa.Column("campus_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_accounts_campus_id_campuses")
        ),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "places",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lng", sa.Double(), nullable=True),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_places_campus_id_campuses")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
        sa.UniqueConstraint("campus_id", "key", name=op.f("uq_places_campus_id_key")),
    )
    op.create_table(
        "paths",
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("from_key", sa.String(), nullable=False),
        sa.Column("to_key", sa.String(), nullable=False),
        sa.Column("metres", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campus_id", "from_key"], ["places.campus_id", "places.key"], name="fk_paths_from"
        ),
        sa.ForeignKeyConstraint(
            ["campus_id", "to_key"], ["places.campus_id", "places.key"], name="fk_paths_to"
        ),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_paths_campus_id_campuses")
        ),
        sa.PrimaryKeyConstraint("campus_id", "from_key", "to_key", name=op.f("pk_paths")),
    )
    op.create_index("ix_paths_campus_id_to_key", "paths", ["campus_id", "to_key"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("openid", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("is_following", sa.Boolean(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("room", sa.LargeBinary(), nullable=True),
        sa.Column("dialogue", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("spoke_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("service_sent", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["accounts.app_id"], name=op.f("fk_people_app_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_people_place_id_places")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("app_id", "openid", name=op.f("uq_people_app_id_openid")),
    )
    op.create_table(
        "shops",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("prep_minutes", sa.BigInteger(), nullable=False),
        sa.Column("min_order_fen", sa.BigInteger(), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_shops_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"], name=op.f("fk_shops_place_id_places")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shops")),
        sa.UniqueConstraint("campus_id", "key", name=op.f("uq_shops_campus_id_key")),
    )
    op.create_table(
        "dishes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("sold_out_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_dishes_stock_not_negative")),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_dishes_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_dishes_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dishes")),
        sa.UniqueConstraint("campus_id", "key", name=op.f("uq_dishes_campus_id_key")),
    )
    op.create_index("ix_dishes_shop_id", "dishes", ["shop_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_inbox_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("app_id", "key", name=op.f("uq_inbox_app_id_key")),
    )
    op.create_index("ix_inbox_person_id_heard_at", "inbox", ["person_id", "heard_at"], unique=False)
    op.create_index(
        "ix_inbox_unanswered",
        "inbox",
        ["heard_at"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["person_id", "id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index(
        "ix_inbox_with_words",
        "inbox",
        ["answered_at"],
        unique=False,
        postgresql_where=sa.text("body IS NOT NULL"),
    )
    op.create_table(
        "riders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_on_duty", sa.Boolean(), nullable=False),
        sa.Column("on_duty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lng", sa.Double(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_riders_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_riders_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_riders_place_id_places")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_riders")),
        sa.UniqueConstraint("person_id", name=op.f("uq_riders_person_id")),
    )
    op.create_index(
        "ix_riders_on_duty",
        "riders",
        ["campus_id"],
        unique=False,
        postgresql_where=sa.text("is_on_duty"),
    )
    op.create_table(
        "shop_owners",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_shop_owners_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["shop_id"], ["shops.id"], name=op.f("fk_shop_owners_shop_id_shops")
        ),
        sa.PrimaryKeyConstraint("shop_id", "person_id", name=op.f("pk_shop_owners")),
    )
    op.create_index("ix_shop_owners_person_id", "shop_owners", ["person_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("buyer_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("room", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("goods_fen", sa.BigInteger(), nullable=False),
        sa.Column("delivery_fen", sa.BigInteger(), nullable=False),
        sa.Column("discount_fen", sa.BigInteger(), nullable=False),
        sa.Column("discount_kind", sa.String(), nullable=True),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("rider_fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("food_ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("picked_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stock_taken", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rider_id", sa.BigInteger(), nullable=True),
        sa.Column("pin", sa.LargeBinary(), nullable=True),
        sa.Column("pin_misses", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "payable_fen = goods_fen + delivery_fen - discount_fen",
            name=op.f("ck_orders_payable_adds_up"),
        ),
        sa.CheckConstraint("payable_fen >= 0", name=op.f("ck_orders_payable_not_negative")),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["people.id"], name=op.f("fk_orders_buyer_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_orders_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_orders_place_id_places")
        ),
        sa.ForeignKeyConstraint(
            ["rider_id"], ["riders.id"], name=op.f("fk_orders_rider_id_riders")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_orders_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_buyer_id_id", "orders", ["buyer_id", "id"], unique=False)
    op.create_index(
        "ix_orders_live_buyer",
        "orders",
        ["buyer_id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.create_index(
        "ix_orders_live_rider",
        "orders",
        ["rider_id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.create_index(
        "ix_orders_live_shop",
        "orders",
        ["shop_id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.create_index(
        "ix_orders_unanswered_until",
        "orders",
        ["answer_until"],
        unique=False,
        postgresql_where=sa.text("state = 'paid'"),
    )
    op.create_index(
        "ix_orders_unpaid_until",
        "orders",
        ["pay_until"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting_payment'"),
    )
    op.create_index(
        "ix_orders_wanting_rider",
        "orders",
        ["campus_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('cooking', 'ready') AND rider_id IS NULL"),
    )
    op.create_table(
        "ledger_groups",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_ledger_groups_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_groups")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_groups_key")),
    )
    op.create_index("ix_ledger_groups_order_id", "ledger_groups", ["order_id"], unique=False)
    op.create_table(
        "offers",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("rider_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_offers_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["rider_id"], ["riders.id"], name=op.f("fk_offers_rider_id_riders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index(
        "ix_offers_open_until",
        "offers",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_offers_order_id", "offers", ["order_id"], unique=False)
    op.create_index("ix_offers_rider_id_id", "offers", ["rider_id", "id"], unique=False)
    op.create_index(
        "uq_offers_open_order",
        "offers",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "uq_offers_open_rider",
        "offers",
        ["rider_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "order_codes",
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_order_codes_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_codes_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("campus_id", "code", name=op.f("pk_order_codes")),
        sa.UniqueConstraint("order_id", name=op.f("uq_order_codes_order_id")),
    )
    op.create_table(
        "order_lines",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("dish_id", sa.BigInteger(), nullable=False),
        sa.Column("dish_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=6, scale=2), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("option_names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dish_id"], ["dishes.id"], name=op.f("fk_order_lines_dish_id_dishes")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
    )
    op.create_index("ix_order_lines_order_id", "order_lines", ["order_id"], unique=False)
    op.create_table(
        "order_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("came_from", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_log_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_order_log_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_log")),
    )
    op.create_index("ix_order_log_order_id", "order_log", ["order_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_outbox_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(
        "ix_outbox_dead",
        "outbox",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("outcome LIKE 'dead%%'"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_outbox_order_id", "outbox", ["order_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("payer_id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("out_trade_no", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("is_surplus", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prepay_id", sa.String(), nullable=True),
        sa.Column("prepaid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transaction_id", sa.String(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_fen", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payments_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["payer_id"], ["people.id"], name=op.f("fk_payments_payer_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("out_trade_no", name=op.f("uq_payments_out_trade_no")),
        sa.UniqueConstraint("token", name=op.f("uq_payments_token")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_payments_transaction_id")),
    )
    op.create_index(
        "ix_payments_closing",
        "payments",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'closing'"),
    )
    op.create_index("ix_payments_order_id", "payments", ["order_id"], unique=False)
    op.create_index(
        "uq_payments_counted",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'paid' AND NOT is_surplus"),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_ledger_entries_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["ledger_groups.id"],
            name=op.f("fk_ledger_entries_group_id_ledger_groups"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        "ix_ledger_entries_account_id", "ledger_entries", ["account", "id"], unique=False
    )
    op.create_index("ix_ledger_entries_group_id", "ledger_entries", ["group_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("out_refund_no", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refund_id", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("out_refund_no", name=op.f("uq_refunds_out_refund_no")),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"], unique=False)
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('due', 'processing')"),
    )
    op.execute(LEDGER_RULES)


def downgrade() -> None:
    op.drop_index(
        "ix_refunds_unfinished",
        table_name="refunds",
        postgresql_where=sa.text("state IN ('due', 'processing')"),
    )
    op.drop_index("ix_refunds_payment_id", table_name="refunds")
    op.drop_table("refunds")
    op.drop_index("ix_ledger_entries_group_id", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_account_id", table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index(
        "uq_payments_counted",
        table_name="payments",
        postgresql_where=sa.text("state = 'paid' AND NOT is_surplus"),
    )
    op.drop_index("ix_payments_order_id", table_name="payments")
    op.drop_index(
        "ix_payments_closing", table_name="payments", postgresql_where=sa.text("state = 'closing'")
    )
    op.drop_table("payments")
    op.drop_index("ix_outbox_order_id", table_name="outbox")
    op.drop_index(
        "ix_outbox_due", table_name="outbox", postgresql_where=sa.text("settled_at IS NULL")
    )
    op.drop_index(
        "ix_outbox_dead", table_name="outbox", postgresql_where=sa.text("outcome LIKE 'dead%%'")
    )
    op.drop_table("outbox")
    op.drop_index("ix_order_log_order_id", table_name="order_log")
    op.drop_table("order_log")
    op.drop_index("ix_order_lines_order_id", table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_table("order_codes")
    op.drop_index(
        "uq_offers_open_rider", table_name="offers", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index(
        "uq_offers_open_order", table_name="offers", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index("ix_offers_rider_id_id", table_name="offers")
    op.drop_index("ix_offers_order_id", table_name="offers")
    op.drop_index(
        "ix_offers_open_until", table_name="offers", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_table("offers")
    op.drop_index("ix_ledger_groups_order_id", table_name="ledger_groups")
    op.drop_table("ledger_groups")
    op.drop_index(
        "ix_orders_wanting_rider",
        table_name="orders",
        postgresql_where=sa.text("state IN ('cooking', 'ready') AND rider_id IS NULL"),
    )
    op.drop_index(
        "ix_orders_unpaid_until",
        table_name="orders",
        postgresql_where=sa.text("state = 'awaiting_payment'"),
    )
    op.drop_index(
        "ix_orders_unanswered_until",
        table_name="orders",
        postgresql_where=sa.text("state = 'paid'"),
    )
    op.drop_index(
        "ix_orders_live_shop",
        table_name="orders",
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.drop_index(
        "ix_orders_live_rider",
        table_name="orders",
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.drop_index(
        "ix_orders_live_buyer",
        table_name="orders",
        postgresql_where=sa.text("state NOT IN ('cancelled', 'delivered', 'expired', 'rejected')"),
    )
    op.drop_index("ix_orders_buyer_id_id", table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_shop_owners_person_id", table_name="shop_owners")
    op.drop_table("shop_owners")
    op.drop_index("ix_riders_on_duty", table_name="riders", postgresql_where=sa.text("is_on_duty"))
    op.drop_table("riders")
    op.drop_index(
        "ix_inbox_with_words", table_name="inbox", postgresql_where=sa.text("body IS NOT NULL")
    )
    op.drop_index(
        "ix_inbox_waiting", table_name="inbox", postgresql_where=sa.text("answered_at IS NULL")
    )
    op.drop_index(
        "ix_inbox_unanswered", table_name="inbox", postgresql_where=sa.text("answered_at IS NULL")
    )
    op.drop_index("ix_inbox_person_id_heard_at", table_name="inbox")
    op.drop_table("inbox")
    op.drop_index("ix_dishes_shop_id", table_name="dishes")
    op.drop_table("dishes")
    op.drop_table("shops")
    op.drop_table("people")
    op.drop_index("ix_paths_campus_id_to_key", table_name="paths")
    op.drop_table("paths")
    op.drop_table("places")
    op.drop_table("accounts")
    op.drop_table("campuses")
    op.execute("DROP FUNCTION ledger_group_balances, ledger_is_append_only")
    op.execute("DROP SEQUENCE order_code_serial, refund_code_serial")
