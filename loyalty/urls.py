"""Pages of the loyalty app."""

from __future__ import annotations

from django.urls import path

from loyalty.pages import (
    account,
    accounts,
    adjustments,
    exports,
    ledger,
    overview,
    programme,
    redemptions,
    rewards,
    rules,
    shortfalls,
    simulator,
    tiers,
)

app_name = "loyalty"
urlpatterns = [
    path("loyalty/", overview.overview, name="overview"),
    path("loyalty/accounts/", accounts.account_list, name="account_list"),
    path("loyalty/accounts/export/", exports.account_export, name="account_export"),
    path("loyalty/accounts/<int:pk>/", account.account_page, name="account"),
    path("loyalty/accounts/<int:pk>/<slug:act>/", account.account_act, name="account_act"),
    path("loyalty/customers/<int:pk>/open/", accounts.account_open, name="account_open"),
    path("loyalty/adjustments/", adjustments.adjustment_list, name="adjustment_list"),
    path(
        "loyalty/adjustments/<int:pk>/withdraw/", adjustments.adjustment_withdraw, name="adjustment_withdraw"
    ),
    path("loyalty/adjustments/<int:pk>/<slug:act>/", adjustments.adjustment_act, name="adjustment_act"),
    path("loyalty/shortfalls/", shortfalls.shortfall_list, name="shortfall_list"),
    path("loyalty/shortfalls/<int:pk>/settle/", shortfalls.shortfall_settle, name="shortfall_settle"),
    path("loyalty/redemptions/", redemptions.redemption_list, name="redemption_list"),
    path("loyalty/redemptions/<int:pk>/<slug:act>/", redemptions.redemption_act, name="redemption_act"),
    path("loyalty/rewards/", rewards.reward_list, name="reward_list"),
    path("loyalty/rewards/new/", rewards.reward_new, name="reward_new"),
    path("loyalty/rewards/<int:pk>/", rewards.reward_page, name="reward"),
    path("loyalty/rewards/<int:pk>/<slug:act>/", rewards.reward_act, name="reward_act"),
    path("loyalty/programme/", programme.programme_page, name="programme"),
    path("loyalty/programme/new/", programme.programme_new, name="programme_new"),
    path("loyalty/programme/edit/", programme.programme_edit, name="programme_edit"),
    path("loyalty/programme/step/<slug:act>/", programme.programme_act, name="programme_act"),
    path("loyalty/rules/", rules.rule_list, name="rule_list"),
    path("loyalty/rules/new/", rules.rule_new, name="rule_new"),
    path("loyalty/simulator/", simulator.rule_simulator, name="rule_simulator"),
    path("loyalty/rules/<slug:code>/", rules.rule_page, name="rule"),
    path("loyalty/rules/<slug:code>/edit/", rules.rule_edit, name="rule_edit"),
    path("loyalty/rules/<slug:code>/<slug:act>/", rules.rule_act, name="rule_act"),
    path("loyalty/tiers/", tiers.tier_list, name="tier_list"),
    path("loyalty/tiers/new/", tiers.tier_new, name="tier_new"),
    path("loyalty/tiers/<int:pk>/", tiers.tier_page, name="tier"),
    path("loyalty/tiers/<int:pk>/<slug:act>/", tiers.tier_act, name="tier_act"),
    path("loyalty/benefits/<int:pk>/", tiers.tier_benefit, name="tier_benefit"),
    path("loyalty/memberships/new/", tiers.plan_new, name="plan_new"),
    path("loyalty/memberships/<int:pk>/", tiers.plan_edit, name="plan_edit"),
    path("loyalty/ledger/", ledger.ledger_page, name="ledger"),
]
