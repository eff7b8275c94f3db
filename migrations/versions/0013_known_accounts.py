"""The ledger knows its accounts: a slip of the pen opens no new one."""
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAME = "ck_ledger_entries_account_known"
SHAPE = (r"^(wechat|bank|platform|commission|promotion|wechat_fees"
         r"|(order|refund|shop|rider):\d+)$")


def upgrade() -> None:
    op.execute(f"ALTER TABLE ledger_entries ADD CONSTRAINT {NAME} "
               f"CHECK (account ~ '{SHAPE}') NOT VALID")
    op.execute(f"ALTER TABLE ledger_entries VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    op.execute(f"ALTER TABLE ledger_entries DROP CONSTRAINT {NAME}")
