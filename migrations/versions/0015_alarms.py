"""Keep calls for help; hold back what would buzz a phone that must be quiet."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("people", sa.Column("quiet_until", sa.DateTime(timezone=True)))
    op.create_table(
        "alarms",
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("counted", JSON, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_alarms")),
        *(sa.ForeignKeyConstraint([column], [other],
                                  name=op.f(f"fk_alarms_{column}_{other.split('.')[0]}"))
          for column, other in (("app_id", "accounts.app_id"), ("person_id", "people.id"),
                                ("order_id", "orders.id"))))
    op.create_index("ix_alarms_open", "alarms", ["raised_at"],
                    postgresql_where=sa.text("over_at IS NULL"))


def downgrade() -> None:
    op.drop_table("alarms")
    op.drop_column("people", "quiet_until")
