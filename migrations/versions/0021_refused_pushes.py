"""Why an account's last refused push was refused."""
import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("refused_at", sa.DateTime(timezone=True)))
    op.add_column("accounts", sa.Column("refused_why", sa.String()))


def downgrade() -> None:
    op.drop_column("accounts", "refused_why")
    op.drop_column("accounts", "refused_at")
