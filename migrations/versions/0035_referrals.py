"""Invitations and what they earn: QR codes of people, one row a newcomer, coupons on orders."""
import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "invite_codes",
        sa.Column("person_id", sa.BigInteger(), sa.ForeignKey(
            "people.id", name="fk_invite_codes_person_id_people"), nullable=False,
            autoincrement=False),
        sa.Column("qr_url", sa.String()),
        sa.Column("good_until", AT),
        sa.PrimaryKeyConstraint("person_id", name="pk_invite_codes"))
    op.create_table(
        "referrals",
        sa.Column("newcomer_id", sa.BigInteger(), sa.ForeignKey(
            "people.id", name="fk_referrals_newcomer_id_people"), nullable=False,
            autoincrement=False),
        sa.Column("inviter_id", sa.BigInteger(), sa.ForeignKey(
            "people.id", name="fk_referrals_inviter_id_people"), nullable=False),
        sa.Column("order_id", sa.BigInteger(), sa.ForeignKey(
            "orders.id", name="fk_referrals_order_id_orders"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String()),
        sa.Column("decided_at", AT),
        sa.PrimaryKeyConstraint("newcomer_id", name="pk_referrals"))
    op.create_index("ix_referrals_inviter_id", "referrals", ["inviter_id"])
    op.create_table(
        "coupons",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), sa.ForeignKey(
            "people.id", name="fk_coupons_person_id_people"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("off_fen", sa.BigInteger(), nullable=False),
        sa.Column("threshold_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("good_until", AT, nullable=False),
        sa.CheckConstraint("off_fen > 0", name="ck_coupons_off_positive"),
        sa.PrimaryKeyConstraint("id", name="pk_coupons"),
        sa.UniqueConstraint("key", name="uq_coupons_key"))
    op.create_index("ix_coupons_person_id", "coupons", ["person_id"])
    op.add_column("orders", sa.Column("coupon_id", sa.BigInteger()))
    op.create_foreign_key("fk_orders_coupon_id_coupons", "orders", "coupons", ["coupon_id"], ["id"])
    with op.get_context().autocommit_block():
        op.create_index("uq_orders_coupon_id", "orders", ["coupon_id"], unique=True,
                        postgresql_concurrently=True, if_not_exists=True,
                        postgresql_where=sa.text(
                            "coupon_id IS NOT NULL AND state NOT IN "
                            "('draft', 'cancelled', 'expired', 'rejected')"))


def downgrade() -> None:
    op.drop_index("uq_orders_coupon_id", "orders")
    op.drop_column("orders", "coupon_id")
    for table in ("coupons", "referrals", "invite_codes"):
        op.drop_table(table)
