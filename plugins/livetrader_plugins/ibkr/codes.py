"""What IB's error codes mean. An allow-list: what is not listed proves nothing.

Rule 1: a code ends an order only if it is listed here as doing so. The client libraries do it the other way
round (whatever they do not list cancels the order in their books), which loses orders that are working.
Rule 2: what is not listed is UNKNOWN, and the brokerage asks TWS what has become of the order.

Sources: IB's message codes (https://ibkrcampus.com/campus/ibkr-api-page/twsapi-doc/#error-codes), and what
TWS was seen to send with orders that went on working.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Meaning(Enum):
    """What a code says about the thing it was sent with."""

    REJECTED = auto()  # this order was never accepted
    CANCELLED = auto()  # this order is over
    CHANGE_REFUSED = auto()  # a change or a cancel was refused; the order is what it was
    WARNING = auto()  # worth telling; nothing ended
    INFORMATION = auto()  # not worth waking anybody
    LINK = auto()  # the line between TWS and IB
    FARM = auto()  # a data farm
    FAILED = auto()  # the request it was sent with will not be answered
    UNKNOWN = auto()  # nobody knows: ask


class Subject(Enum):
    """What the id of an error message stands for."""

    NEW_ORDER = auto()  # an order that TWS has not confirmed yet
    WORKING_ORDER = auto()  # one that it has
    REQUEST = auto()  # anything that is asked for and answered
    NOTHING = auto()  # id -1


LINK_LOST: Final = 1100
LINK_BACK_WITHOUT_DATA: Final = 1101
LINK_BACK: Final = 1102
SOCKET_PORT_RESET: Final = 1300
CLIENT_ID_IN_USE: Final = 326
COMPETING_SESSION: Final = 10197
MESSAGE_RATE: Final = 100  # more than 50 messages a second; at the third IB ends the connection

LINK_CODES: Final = frozenset({LINK_LOST, LINK_BACK_WITHOUT_DATA, LINK_BACK, SOCKET_PORT_RESET, 2110})
FARM_CODES: Final = frozenset({2103, 2104, 2105, 2106, 2107, 2108, 2119, 2157, 2158})

# The order was looked at and refused, by TWS or by IB. Only for an order that was never seen working. Not
# 103, duplicate order id: something has that id, and it may be this order.
_REFUSALS: Final = frozenset(
    {
        106, 107, 109, 110, 111, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126,
        129, 131, 132, 133, 134, 136, 137, 140, 141, 144, 146, 147, 148, 151, 152, 153, 154, 155, 156, 157,
        158, 159, 160, 163, 167, 168,
        200,  # no such contract
        201,  # order rejected
        203,  # the security is not available or allowed for this account
        312, 313, 314, 315, 321, 325, 327, 328, 329, 335, 336, 337, 338, 339, 340, 341, 342, 343, 344, 345,
        346, 347, 348, 349, 350, 351, 352, 353, 355, 356, 358, 359, 360, 361, 362, 363, 364, 367, 368, 369,
        370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 380, 382, 383, 387, 388, 389, 390, 391, 392, 393,
        394, 395, 396, 397, 398, 400, 401, 402, 403, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415,
        416, 417, 418, 419, 421, 423, 424, 427, 428, 429, 431, 432, 433, 434, 435, 436, 437, 439, 440, 441,
        442, 443, 444, 445, 446, 447, 448, 449, 460, 461, 463,
        10002, 10005, 10006, 10007, 10008, 10009, 10010, 10011, 10012, 10014, 10020, 10021, 10022, 10023,
        10024, 10025, 10026, 10027, 10043, 10052, 10058, 10243, 10246, 10247, 10250, 10255, 10258, 10268,
        10289,  # crypto is bought with money, not by quantity
        10329, 10337,
    }
)  # fmt: skip

# The order is over, whatever it was before.
_CANCELLATIONS: Final = frozenset({202})

# A change or a cancel came too late or was wrong: the order is what it was, or is over already.
_REFUSED_CHANGES: Final = frozenset({104, 105, 135, 161, 10147, 10148, 2102, 2186})

# Sent with an order, or with a request, that goes on all the same.
_WARNINGS: Final = frozenset(
    {
        399,  # order message: held until the market opens, and many more
        404,  # waiting for shares to borrow
        492, 2100, 2101, 2109, 2137, 2148, 2150, 2151, 2152, 2161, 2168, 2169, 2170, 2174, 2176,
        10089, 10090, 10167, 10186, 10187, 10311,
        10349,  # the order's time in force was set by a preset
        MESSAGE_RATE,
        COMPETING_SESSION,
    }
)  # fmt: skip

_INFORMATION: Final = frozenset({165, 300, 366, 10182, 2100, 2107, 2108})

# Requests that were asked and get no answer; with an order they are judged by the lists above.
_FAILURES: Final = frozenset(
    {
        101, 162, 200, 300, 301, 309, 310, 316, 317, 318, 319, 320, 321, 322, 323, 324, 330, 331, 332, 333,
        354, 365, 366, 381, 384, 385, 386, 420, 422, 425, 426, 430, 438, 450, 501, 502, 503, 504, 505, 506,
        507, 508, 510, 511, 512, 513, 514, 515, 516, 517, 518, 519, 520, 521, 522, 523, 524, 525, 526, 527,
        528, 529, 530, 531, 532, 533, 534, 535, 536, 537, 538, 539, 540, 541, 542, 543, 544, 545, 546, 547,
        548, 549, 550, 551, 552, 553, 554, 555, 556, 557, 558, 559, 560, 561, 562, 563, 564, 565, 566, 567,
        568, 569, 570, 571, 572, 573, 574, 575, 576, 577, 578, 579, 580, 581, 582, 583, 584, 585, 586, 587,
        588, 589, 10089, 10090, 10168, 10186, 10187, 10189, 10190, 10225, COMPETING_SESSION,
    }
)  # fmt: skip


def meaning_of(code: int, subject: Subject) -> Meaning:
    """Return what a code says about the subject it came with. UNKNOWN for all that is not listed."""
    if code in LINK_CODES:
        return Meaning.LINK
    if code in FARM_CODES:
        return Meaning.FARM
    if subject is Subject.NEW_ORDER or subject is Subject.WORKING_ORDER:
        return _of_order(code, working=subject is Subject.WORKING_ORDER)
    if subject is Subject.REQUEST and code in _FAILURES:
        return Meaning.FAILED
    if code in _WARNINGS:
        return Meaning.WARNING
    return Meaning.INFORMATION if code in _INFORMATION else Meaning.UNKNOWN


def _of_order(code: int, *, working: bool) -> Meaning:
    if code in _CANCELLATIONS:
        return Meaning.CANCELLED
    if code in _REFUSED_CHANGES:
        return Meaning.CHANGE_REFUSED
    if code in _WARNINGS:
        return Meaning.WARNING
    if code in _REFUSALS and not working:
        return Meaning.REJECTED
    if code in _REFUSALS and code not in {201, 203}:
        return Meaning.CHANGE_REFUSED  # of an order that works: it judges what was asked last
    return Meaning.UNKNOWN
