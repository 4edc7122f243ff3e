"""Deeds that move money, or change where it goes and how much of it."""

from __future__ import annotations

from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.deeds import Deed

_TRIPS = word_set("flight hotel trip train ride taxi cab travel cruise ticket apartment")
_GOODS = word_set("grocery groceries food pizza meal goods supplies product item hardware equipment")
_COINS = word_set(
    "money fund transaction wire payment salary payroll eth btc usdc usdt crypto bitcoin ether solana giftcard gift "
    "wallet"
)
CHANGES = word_set("change update set edit put patch add create modify replace switch")

MONEY = (
    Deed(
        names.PAYS,
        "moves money",
        word_set("send sign move release issue run process"),
        _COINS | {"credit"},
        without=word_set(
            "receipt reminder request statement email pdf message test report db database sql notification confirmation"
        ),
    ),
    Deed(
        names.PAYS,
        "spends money",
        word_set("book reserve order rent hire"),
        _TRIPS | _GOODS,
        without=word_set(
            "meeting conference status history line detail update add set change sort by in on off into list "
            "get fetch search "
            "show count view find mark"
        ),
    ),
    Deed(
        names.PAYS,
        "changes where money goes",
        CHANGES,
        word_set("iban bank deposit payee beneficiary payout remittance"),
        without=word_set("holiday note reminder statement report alert list get branch balance file blob food time"),
    ),
    Deed(
        names.PAYS,
        "changes what somebody is paid",
        CHANGES | word_set("adjust raise lower cut"),
        word_set("salary compensation wage wages bonus pay stipend commission withholding"),
        without=word_set("report alert reminder statement get list note"),
    ),
    Deed(
        names.PAYS, "pays by check", word_set("print write issue deposit mail cash"), word_set("cheque check payroll")
    ),
    Deed(
        names.PAYS,
        "changes how much somebody may spend",
        CHANGES | word_set("increase raise"),
        word_set("limit"),
        word_set("credit spending withdrawal transfer card"),
        word_set("rate request score get list alert api"),
    ),
    Deed(names.PAYS, "takes money back", word_set("reverse"), word_set("transaction charge payment transfer")),
    Deed(names.PAYS, "bets money", word_set("place"), word_set("bet wager")),
    Deed(
        names.PAYS,
        "buys something that is paid for from now on",
        word_set("subscribe reserve"),
        word_set("plan instance capacity"),
        without=word_set("event topic list newsletter unsubscribe cancel table room"),
    ),
    Deed(names.PAYS, "sells what somebody holds", word_set("close liquidate"), word_set("position portfolio")),
    Deed(
        names.PAYS,
        "changes how much is spent",
        CHANGES | word_set("increase raise adjust override"),
        word_set("budget bidding spending leverage"),
        without=word_set("alert note report get list comment draft"),
    ),
    Deed(
        names.PAYS,
        "gives money away, or gives it up",
        word_set("apply waive writeoff off issue add forgive top topup reload fund"),
        word_set("credit fee fees invoice debt penalty wallet giftcard charge"),
        without=word_set("get list check report note comment draft score line item card limit take turn kick tax"),
    ),
    Deed(
        names.PAYS,
        "moves or binds money of others on a chain",
        word_set("swap stake unstake bridge mint approve delegate burn lend borrow claim"),
        word_set("token tokens nft eth btc sol usdc crypto liquidity position spending allowance fund funds"),
        without=word_set("api access auth refresh session csrf get list budget"),
    ),
    Deed(names.PAYS, "changes what is paid from now on", word_set("upgrade"), word_set("subscription plan tier seat")),
    Deed(
        names.PAYS,
        "changes what customers pay",
        word_set("update set change create bulk"),
        word_set("price pricing discount coupon voucher promotion"),
        without=word_set("alert watch draft quote list get page test"),
    ),
)
