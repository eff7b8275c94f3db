"""Lost bags that others are asked about, and dishes that are made again."""
import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INDEXES = (("ix_complaints_search_until", "complaints", ["search_until"],
            "search_until IS NOT NULL"),
           ("ix_complaints_remade", "complaints", ["remake_id"], "state = 'remade'"),
           ("ix_orders_place_id_arrived_at", "orders", ["place_id", "arrived_at"],
            "arrived_at IS NOT NULL"))


def upgrade() -> None:
    op.add_column("complaints", sa.Column("remake_id", sa.BigInteger(), nullable=True))
    op.add_column("complaints", sa.Column("search_until", sa.DateTime(timezone=True),
                                          nullable=True))
    op.create_foreign_key("fk_complaints_remake_id_orders", "complaints", "orders",
                          ["remake_id"], ["id"])
    op.create_table(
        "complaint_asks",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"],
                                name="fk_complaint_asks_complaint_id_complaints"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"],
                                name="fk_complaint_asks_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_complaint_asks"),
        sa.UniqueConstraint("complaint_id", "order_id",
                            name="uq_complaint_asks_complaint_id_order_id"),
    )
    op.create_index("ix_complaint_asks_order_id", "complaint_asks", ["order_id"])
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.create_index(name, table, columns, postgresql_where=sa.text(where),
                            postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _, _ in INDEXES:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    op.drop_table("complaint_asks")
    op.drop_column("complaints", "search_until")
    op.drop_column("complaints", "remake_id")
