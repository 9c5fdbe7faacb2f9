"""Interactive Brokers behind the SPI. What TWS said is news; what it did not say is unknown.

Agreed with the pure modules of this plugin:

contracts.symbol_of(contract, reference) -> Symbol: never raises for what an account may hold; what is no
    security type of ours is a BASE symbol named by its conId.
resolver.Resolver(library, reference, cache_path, report): `resolve(symbol, session) -> Contract`, async,
    qualified with its conId, raises VenueError where unknown or ambiguous with the remedy;
    `symbol_of(contract) -> Symbol`.
orders.ORDER_TYPES
orders.Terms(account, fa_group, fa_method)
orders.to_order(spec, client_order_id, library, terms) -> Order: ValueError with words where it cannot be
orders.record_of(symbol, order, state, *, filled: Decimal) -> OrderRecord: of openOrder and completedOrder.
reports.status_of(text, *, filled: Decimal, quantity: Decimal) -> OrderStatus: CLOSED only where sure
reports.fill_of(execution, commission | None) -> Fill: id is the base, revision the last digits, signed
reports.fee_of(client_order_id, commission, time_ns) -> FeeReported | None
reports.message_of(meaning, code, text, time_ns) -> BrokerageMessage
"""
