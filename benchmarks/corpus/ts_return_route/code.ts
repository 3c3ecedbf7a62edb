router.post("/orders/:orderId/returns", requireUser, async (req: Request, res: Response, next: NextFunction) => {
  try {
    const parsed = ReturnRequest.safeParse(req.body);
    if (!parsed.success) {
      res.status(400).json({ error: "invalid_body", issues: parsed.error.issues });
      return;
    }

    const order = await orders.findOne({ id: req.params.orderId, customerId: req.user!.id });
    if (order === null) {
      res.status(404).json({ error: "order_not_found" });
      return;
    }

    const ageInDays = (Date.now() - order.deliveredAt.getTime()) / 86_400_000;
    if (ageInDays > RETURN_WINDOW_DAYS) {
      res.status(409).json({ error: "return_window_closed", days: RETURN_WINDOW_DAYS });
      return;
    }

    const known = new Map(order.lines.map((line) => [line.sku, line.quantity]));
    const wrong = parsed.data.items.filter((item) => item.quantity > (known.get(item.sku) ?? 0));
    if (wrong.length > 0) {
      res.status(422).json({ error: "quantity_exceeds_order", skus: wrong.map((item) => item.sku) });
      return;
    }

    const label = await returnsDesk.open(order.id, parsed.data.items, parsed.data.reason ?? "unspecified");
    res.status(201).location(`/returns/${label.returnId}`).json(label);
  } catch (error) {
    next(error);
  }
});
