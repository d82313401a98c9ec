"""Sales orders: one row for each version."""

from star import Date, Decimal, Fact, Int32, Source, Time, Timestamp, plugin


class SalesOrder(Source, table="sales_order"):
    """An order as it stands in ToteSys."""

    sales_order_id = Int32()
    created_at = Timestamp()
    last_updated = Timestamp()
    design_id = Int32()
    staff_id = Int32()
    counterparty_id = Int32()
    units_sold = Int32()
    unit_price = Decimal(10, 2)
    currency_id = Int32()
    agreed_delivery_date = Date()
    agreed_payment_date = Date()
    agreed_delivery_location_id = Int32()


class FactSalesOrder(Fact, table="fact_sales_order", key="sales_record_id"):
    """A version of a sales order."""

    sales_record_id = Int32("Numbers the versions 1, 2, 3, ... in the order of arrival; a gap is a rejected version.")
    sales_order_id = Int32("The order; it has a row for each of its versions.")
    created_date = Date("The day on which the order was made.", references="dim_date.date_id")
    created_time = Time("The time of that day.")
    last_updated_date = Date(
        "The day on which the order was last changed, as far as the source says.", references="dim_date.date_id"
    )
    last_updated_time = Time("The time of that day.")
    sales_staff_id = Int32("Who sold.", references="dim_staff.staff_id")
    counterparty_id = Int32("Who bought.", references="dim_counterparty.counterparty_id")
    units_sold = Int32("How many bags.")
    unit_price = Decimal(10, 2, "The price of one bag, in the order's currency.")
    currency_id = Int32("The currency of the price.", references="dim_currency.currency_id")
    design_id = Int32("The design of the bags.", references="dim_design.design_id")
    agreed_payment_date = Date("The day by which to pay.", references="dim_date.date_id")
    agreed_delivery_date = Date("The day by which to deliver.", references="dim_date.date_id")
    agreed_delivery_location_id = Int32("Where to deliver.", references="dim_location.location_id")


def transform(order, context):
    return FactSalesOrder(
        sales_record_id=context.record_id,
        sales_order_id=order.sales_order_id,
        created_date=order.created_at.date(),
        created_time=order.created_at.time(),
        last_updated_date=order.last_updated.date(),
        last_updated_time=order.last_updated.time(),
        sales_staff_id=order.staff_id,
        counterparty_id=order.counterparty_id,
        units_sold=order.units_sold,
        unit_price=order.unit_price,
        currency_id=order.currency_id,
        design_id=order.design_id,
        agreed_payment_date=order.agreed_payment_date,
        agreed_delivery_date=order.agreed_delivery_date,
        agreed_delivery_location_id=order.agreed_delivery_location_id,
    )


Plugin = plugin("fact_sales_order", "0.1.0", transform, SalesOrder, FactSalesOrder)
