// Sales orders: one row for each version.

import { date, decimal, definePlugin, fact, int32, source, time, timestamp } from "./star/index.js";

// An order as it stands in ToteSys.
const salesOrder = source("sales_order", {
  sales_order_id: int32(),
  created_at: timestamp(),
  last_updated: timestamp(),
  design_id: int32(),
  staff_id: int32(),
  counterparty_id: int32(),
  units_sold: int32(),
  unit_price: decimal(10, 2),
  currency_id: int32(),
  agreed_delivery_date: date(),
  agreed_payment_date: date(),
  agreed_delivery_location_id: int32(),
});

const factSalesOrder = fact("fact_sales_order", {
  comment: "A version of a sales order.",
  key: "sales_record_id",
  fields: {
    sales_record_id: int32({
      comment: "Numbers the versions 1, 2, 3, ... in the order of arrival; a gap is a rejected version.",
    }),
    sales_order_id: int32({ comment: "The order; it has a row for each of its versions." }),
    created_date: date({ comment: "The day on which the order was made.", references: "dim_date.date_id" }),
    created_time: time({ comment: "The time of that day." }),
    last_updated_date: date({
      comment: "The day on which the order was last changed, as far as the source says.",
      references: "dim_date.date_id",
    }),
    last_updated_time: time({ comment: "The time of that day." }),
    sales_staff_id: int32({ comment: "Who sold.", references: "dim_staff.staff_id" }),
    counterparty_id: int32({ comment: "Who bought.", references: "dim_counterparty.counterparty_id" }),
    units_sold: int32({ comment: "How many bags." }),
    unit_price: decimal(10, 2, { comment: "The price of one bag, in the order's currency." }),
    currency_id: int32({ comment: "The currency of the price.", references: "dim_currency.currency_id" }),
    design_id: int32({ comment: "The design of the bags.", references: "dim_design.design_id" }),
    agreed_payment_date: date({ comment: "The day by which to pay.", references: "dim_date.date_id" }),
    agreed_delivery_date: date({ comment: "The day by which to deliver.", references: "dim_date.date_id" }),
    agreed_delivery_location_id: int32({ comment: "Where to deliver.", references: "dim_location.location_id" }),
  },
});

function transform(order, context) {
  return factSalesOrder.row({
    sales_record_id: context.recordId,
    sales_order_id: order.sales_order_id,
    created_date: order.created_at.date,
    created_time: order.created_at.time,
    last_updated_date: order.last_updated.date,
    last_updated_time: order.last_updated.time,
    sales_staff_id: order.staff_id,
    counterparty_id: order.counterparty_id,
    units_sold: order.units_sold,
    unit_price: order.unit_price,
    currency_id: order.currency_id,
    design_id: order.design_id,
    agreed_payment_date: order.agreed_payment_date,
    agreed_delivery_date: order.agreed_delivery_date,
    agreed_delivery_location_id: order.agreed_delivery_location_id,
  });
}

export const plugin = definePlugin({
  name: "fact_sales_order",
  version: "0.1.0",
  source: salesOrder,
  tables: [factSalesOrder],
  transform,
});
