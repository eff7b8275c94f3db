"""Ways that lead one way only, and gates with hours."""
import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("paths", sa.Column("is_one_way", sa.Boolean(), nullable=False,
                                     server_default=sa.false()))
    op.alter_column("paths", "is_one_way", server_default=None)
    op.add_column("paths", sa.Column("opens_at", sa.BigInteger(), nullable=True))
    op.add_column("paths", sa.Column("closes_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for name in ("closes_at", "opens_at", "is_one_way"):
        op.drop_column("paths", name)
