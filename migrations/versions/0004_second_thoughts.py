"""Second thoughts and bad days: undo, shortages, racks, breaks, orders without a rider."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
TIME = sa.DateTime(timezone=True)
ADDED = (
    ("orders", "cancel_until", TIME, None),
    ("orders", "expected_at", TIME, None),
    ("orders", "claimed_arrival_at", TIME, None),
    ("orders", "nobody_at", TIME, None),
    ("orders", "shelved_at", TIME, None),
    ("orders", "rack_media_id", sa.String(), None),
    ("orders", "shortage", JSON, None),
    ("orders", "shortage_until", TIME, None),
    ("orders", "is_self_pickup", sa.Boolean(), "false"),
    ("orders", "no_rider_told_at", TIME, None),
    ("orders", "urged_at", TIME, None),
    ("orders", "pins_sent", sa.BigInteger(), "0"),
    ("people", "undo", sa.LargeBinary(), None),
    ("riders", "back_at", TIME, None),
    ("riders", "is_on_way_only", sa.Boolean(), "false"),
)
INDEXES = (
    ("ix_orders_cancel_until", "orders", "cancel_until", "cancel_until IS NOT NULL"),
    ("ix_orders_shortage_until", "orders", "shortage_until", "shortage_until IS NOT NULL"),
    ("ix_orders_shelved_at", "orders", "shelved_at", "state = 'shelved'"),
    ("ix_riders_back_at", "riders", "back_at", "back_at IS NOT NULL"),
)


PAID_FIRST = ("paid_at IS NOT NULL OR state IN "
              "('draft', 'awaiting_payment', 'cancelled', 'expired')")


def upgrade() -> None:
    for table, name, kind, default in ADDED:
        op.add_column(table, sa.Column(name, kind, nullable=default is None,
                                       server_default=default))
        if default is not None:
            op.alter_column(table, name, server_default=None)
    op.create_check_constraint(op.f("ck_orders_paid_first"), "orders", PAID_FIRST)
    with op.get_context().autocommit_block():
        for name, table, column, where in INDEXES:
            op.create_index(name, table, [column], postgresql_where=sa.text(where),
                            postgresql_concurrently=True)


def downgrade() -> None:
    for name, table, *_ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_constraint(op.f("ck_orders_paid_first"), "orders")
    for table, name, *_ in reversed(ADDED):
        op.drop_column(table, name)
