"""Count the short windows that a follow, a scan or a menu's tap opens for us."""
import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("brief_until", sa.DateTime(timezone=True)))
    op.add_column("people", sa.Column("brief_left", sa.BigInteger(), nullable=False,
                                      server_default="0"))


def downgrade() -> None:
    op.drop_column("people", "brief_left")
    op.drop_column("people", "brief_until")
