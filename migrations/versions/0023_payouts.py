"""Riders' earnings are carried into their wallets; days are closed; waiting is paid."""
import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
CHECK = "ck_ledger_entries_account_known"
SHAPE = r"^(wechat|bank|platform|commission|promotion|wechat_fees|{})$"


def upgrade() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("rider_id", sa.BigInteger(), sa.ForeignKey(
            "riders.id", name="fk_payouts_rider_id_riders"), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("out_bill_no", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("transfer_bill_no", sa.String()),
        sa.Column("package", sa.String()),
        sa.Column("fail_reason", sa.String()),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint("amount_fen > 0", name="ck_payouts_amount_positive"),
        sa.UniqueConstraint("out_bill_no", name="uq_payouts_out_bill_no"),
        sa.UniqueConstraint("token", name="uq_payouts_token"))
    op.create_index("ix_payouts_rider_id_id", "payouts", ["rider_id", "id"])
    op.create_index("uq_payouts_open", "payouts", ["rider_id"], unique=True,
                    postgresql_where=sa.text("state IN ('due', 'waiting', 'moving')"))
    op.create_index("ix_payouts_ended_at", "payouts", ["ended_at"],
                    postgresql_where=sa.text("ended_at IS NOT NULL"))
    op.create_table(
        "day_closes",
        sa.Column("campus_id", sa.BigInteger(), sa.ForeignKey(
            "campuses.id", name="fk_day_closes_campus_id_campuses"), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("closed_at", MOMENT, nullable=False))
    op.add_column("orders", sa.Column("waiting_fen", sa.BigInteger(), nullable=False,
                                      server_default="0"))
    _know(r"(order|refund|shop|rider|payout):\d+")


def downgrade() -> None:
    _know(r"(order|refund|shop|rider):\d+")
    op.drop_column("orders", "waiting_fen")
    op.drop_table("day_closes")
    op.drop_table("payouts")


def _know(numbered: str) -> None:
    """Replace the ledger's list of accounts."""
    op.execute(f"ALTER TABLE ledger_entries DROP CONSTRAINT {CHECK}")
    op.execute(f"ALTER TABLE ledger_entries ADD CONSTRAINT {CHECK} "
               f"CHECK (account ~ '{SHAPE.format(numbered)}') NOT VALID")
    op.execute(f"ALTER TABLE ledger_entries VALIDATE CONSTRAINT {CHECK}")
