"""Complaints about what was delivered, and the pictures that come with them."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def at(name: str, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def ref(table: str, name: str, to: str, nullable: bool = True) -> tuple:
    return (sa.Column(name, sa.BigInteger(), nullable=nullable),
            sa.ForeignKeyConstraint([name], [f"{to}.id"], name=f"fk_{table}_{name}_{to}"))


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *ref("photos", "person_id", "people", nullable=False),
        *ref("photos", "order_id", "orders"),
        sa.Column("media_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        at("sent_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_photos"),
        sa.UniqueConstraint("token", name="uq_photos_token"),
    )
    op.create_index("ix_photos_order_id", "photos", ["order_id"])
    op.create_table(
        "complaints",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *ref("complaints", "order_id", "orders", nullable=False),
        *ref("complaints", "buyer_id", "people", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        *ref("complaints", "photo_id", "photos"),
        *ref("complaints", "refund_id", "refunds"),
        at("created_at", nullable=False),
        at("decided_at"),
        *ref("complaints", "decided_by", "people"),
        sa.Column("is_unhappy", sa.Boolean(), nullable=False),
        sa.Column("borne_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_complaints"),
    )
    op.create_index("ix_complaints_order_id", "complaints", ["order_id"])
    op.create_index("ix_complaints_buyer_id_created_at", "complaints", ["buyer_id", "created_at"])
    op.create_index("uq_complaints_undecided", "complaints", ["order_id"], unique=True,
                    postgresql_where=sa.text("state IN ('open', 'waiting')"))


def downgrade() -> None:
    op.drop_table("complaints")
    op.drop_table("photos")
