"""Points, whose accounts the database keeps from being overdrawn; tips on orders of food."""
import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SHAPE = "^(wechat|bank|platform|commission|promotion|wechat_fees|({}))$"
NUMBERED = r"(order|refund|shop|rider|payout):\d+"
WITH_POINTS = r"(order|refund|shop|rider|payout|points):\d+"
CHECK = "ck_ledger_entries_account_known"
LOCK = 0x50616F03  # models/locks.py

NEVER_OVERDRAWN = f"""
CREATE FUNCTION points_are_never_overdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(
        ({LOCK}::bigint << 32) + split_part(NEW.account, ':', 2)::bigint);
    IF (SELECT sum(amount_fen) FROM ledger_entries WHERE account = NEW.account) > 0 THEN
        RAISE EXCEPTION '% would be overdrawn', NEW.account USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_points AFTER INSERT ON ledger_entries FOR EACH ROW
    WHEN (NEW.account LIKE 'points:%' AND NEW.amount_fen > 0)
    EXECUTE FUNCTION points_are_never_overdrawn();
"""


def upgrade() -> None:
    _know(WITH_POINTS)
    op.execute(NEVER_OVERDRAWN)
    for table, column in (
            ("orders", sa.Column("points_taken", sa.BigInteger(), nullable=False,
                                 server_default="0")),
            ("orders", sa.Column("tip_fen", sa.BigInteger(), nullable=False,
                                 server_default="0")),
            ("people", sa.Column("uses_points", sa.Boolean(), nullable=False,
                                 server_default=sa.false()))):
        op.add_column(table, column)
        op.alter_column(table, column.name, server_default=None)


def downgrade() -> None:
    op.drop_column("people", "uses_points")
    op.drop_column("orders", "tip_fen")
    op.drop_column("orders", "points_taken")
    op.execute("DROP TRIGGER ledger_entries_points ON ledger_entries")
    op.execute("DROP FUNCTION points_are_never_overdrawn")
    _know(NUMBERED)


def _know(numbered: str) -> None:
    """Replace the ledger's list of accounts."""
    op.execute(f"ALTER TABLE ledger_entries DROP CONSTRAINT {CHECK}")
    op.execute(f"ALTER TABLE ledger_entries ADD CONSTRAINT {CHECK} "
               f"CHECK (account ~ '{SHAPE.format(numbered)}') NOT VALID")
    op.execute(f"ALTER TABLE ledger_entries VALIDATE CONSTRAINT {CHECK}")
