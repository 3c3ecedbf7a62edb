import React, { useState } from 'react';
import { OrdersService } from '../orders/orders.service';

type Props = { service: OrdersService; title?: string };

export function Row({ title }: Props) {
  return <td>{title}</td>;
}

export const Panel: React.FC<Props> = ({ service, title = 'Orders' }) => {
  const [open, setOpen] = useState(false);
  const pay = <T,>(id: T) => service.pay(id);
  return (
    <div onClick={() => setOpen(!open)}>
      It's all
      <Row service={service} title={title} />
    </div>
  );
};
