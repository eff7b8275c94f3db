"""Let people practise: the order that is none lives with its person."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("people", sa.Column("practice", JSON, nullable=False,
                                      server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column("people", "practice")
