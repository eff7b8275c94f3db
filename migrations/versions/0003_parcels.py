"""What errands are about, and the parcels they fetch; when a rider's phone said where it is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "errands",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("goods", sa.String(), nullable=True),
        sa.Column("budget_fen", sa.BigInteger(), nullable=True),
        sa.Column("spent_fen", sa.BigInteger(), nullable=True),
        sa.Column("tip_fen", sa.BigInteger(), nullable=False),
        sa.Column("fetch_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_deadline", sa.Boolean(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "spent_fen BETWEEN 0 AND budget_fen", name=op.f("ck_errands_spent_within_budget")
        ),
        sa.CheckConstraint("tip_fen >= 0", name=op.f("ck_errands_tip_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_errands_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_errands")),
    )
    op.create_index(
        "ix_errands_fetch_by", "errands", ["fetch_by"], unique=False,
        postgresql_where=sa.text("warned_at IS NULL"),
    )
    op.create_table(
        "parcels",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("place_id", sa.BigInteger(), nullable=True),
        sa.Column("shelf", sa.String(), nullable=True),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["opened_by"], ["riders.id"], name=op.f("fk_parcels_opened_by_riders")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_parcels_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["places.id"], name=op.f("fk_parcels_place_id_places")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcels")),
    )
    op.create_index("ix_parcels_order_id", "parcels", ["order_id"], unique=False)
    op.create_index(
        "ix_parcels_with_code", "parcels", ["order_id"], unique=False,
        postgresql_where=sa.text("code IS NOT NULL"),
    )
    op.add_column(
        "riders", sa.Column("located_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("riders", "located_at")
    op.drop_table("parcels")
    op.drop_table("errands")
