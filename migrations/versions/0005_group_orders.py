"""Group orders: groups, who is in them, their codes, and saved ones."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger()
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(astext_type=sa.Text())


def needed(name: str, kind: sa.types.TypeEngine[object]) -> "sa.Column[object]":
    return sa.Column(name, kind, nullable=False)


def points_to(table: str, column: str, other: str, key: str = "id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.{key}"],
                                   name=op.f(f"fk_{table}_{column}_{other}"))


def upgrade() -> None:
    op.execute("CREATE SEQUENCE group_code_serial MINVALUE 0 START 0")
    op.create_table(
        "group_orders",
        needed("id", ID), needed("campus_id", ID), needed("code", sa.String()),
        needed("opener_id", ID), sa.Column("shop_id", ID), sa.Column("canteen_id", ID),
        needed("place_id", ID), needed("state", sa.String()), needed("version", ID),
        needed("is_treat", sa.Boolean()), needed("free_from", ID), needed("delivery_fen", ID),
        needed("lock_at", TIME), sa.Column("lock_when", ID), needed("created_at", TIME),
        sa.Column("reminded_at", TIME), sa.Column("locked_at", TIME), sa.Column("ended_at", TIME),
        sa.Column("qr_url", sa.String()),
        sa.CheckConstraint("(shop_id IS NULL) <> (canteen_id IS NULL)",
                           name=op.f("ck_group_orders_one_source")),
        points_to("group_orders", "campus_id", "campuses"),
        points_to("group_orders", "opener_id", "people"),
        points_to("group_orders", "shop_id", "shops"),
        points_to("group_orders", "canteen_id", "places"),
        points_to("group_orders", "place_id", "places"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_orders")),
    )
    op.create_index("ix_group_orders_open", "group_orders", ["lock_at"],
                    postgresql_where=sa.text("state = 'open'"))
    op.create_index("ix_group_orders_opener_id_id", "group_orders", ["opener_id", "id"])
    op.create_table(
        "group_members",
        needed("id", ID), needed("group_id", ID), needed("person_id", ID), needed("seat", ID),
        sa.Column("label", sa.String()), needed("joined_at", TIME), sa.Column("left_at", TIME),
        points_to("group_members", "group_id", "group_orders"),
        points_to("group_members", "person_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_members")),
        sa.UniqueConstraint("group_id", "person_id",
                            name=op.f("uq_group_members_group_id_person_id")),
        sa.UniqueConstraint("group_id", "seat", name=op.f("uq_group_members_group_id_seat")),
    )
    op.create_index("ix_group_members_person_id", "group_members", ["person_id"])
    op.create_table(
        "group_codes",
        needed("code", sa.String()), sa.Column("group_id", ID), needed("taken_at", TIME),
        points_to("group_codes", "group_id", "group_orders"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_group_codes")),
        sa.UniqueConstraint("group_id", name=op.f("uq_group_codes_group_id")),
    )
    op.create_table(
        "saved_groups",
        needed("id", ID), needed("owner_id", ID), needed("name", sa.String()),
        sa.Column("shop_id", ID), sa.Column("canteen_id", ID), needed("place_id", ID),
        needed("people", JSON), needed("saved_at", TIME),
        points_to("saved_groups", "owner_id", "people"),
        points_to("saved_groups", "shop_id", "shops"),
        points_to("saved_groups", "canteen_id", "places"),
        points_to("saved_groups", "place_id", "places"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_groups")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_groups_owner_id_name")),
    )
    for table, column, other in (("orders", "group_id", "group_orders"),
                                 ("order_lines", "member_id", "group_members")):
        op.add_column(table, sa.Column(column, ID))
        op.create_foreign_key(op.f(f"fk_{table}_{column}_{other}"), table, other, [column], ["id"])
    op.create_index("ix_orders_group_id", "orders", ["group_id"],
                    postgresql_where=sa.text("group_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_orders_group_id", table_name="orders")
    op.drop_column("order_lines", "member_id")
    op.drop_column("orders", "group_id")
    for table in ("saved_groups", "group_codes", "group_members", "group_orders"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE group_code_serial")
