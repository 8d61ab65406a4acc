//! temp
use mizan_events::*; use mizan_lake::*; use std::time::Instant;
fn b(from:u64,to:u64)->arrow::array::RecordBatch{ let now=EventTime::now(); let mut x=BatchBuilder::new(Family::Order); for p in from..to { let t=format!(r#"{{"specversion":"1.0","id":"e{p}","source":"t","type":"order.placed","time":"2026-03-0{}T08:00:00Z","data":{{"order_id":"{p}","total":"{p}.250","currency":"KWD","customer":{{"id":"c{p}","email":"p{p}@example.com"}},"lines":[{{"sku":"TEA","quantity":"2","unit_price":"1.5"}},{{"sku":"CUP","quantity":"1","unit_price":"3.125"}}]}}}}"#, p%3+1); let e=parse(&t,Unknown::Keep,now).unwrap(); x.append(&e,p,now);} x.finish()}
fn main(){ tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async{
 let root=std::path::Path::new("/tmp/lat"); let _=std::fs::remove_dir_all(root);
 let lake=Lake::open(root,LakeOptions::default()).await.unwrap();
 let (mut a,mut s,mut q,mut t)=(vec![],vec![],vec![],vec![]);
 let settings=SessionSettings::default();
 for i in 0..200u64 { let batch=b(i*3+1,i*3+4);
  let x=Instant::now(); lake.tail().push(Family::Order,batch.clone(),i*3+3).unwrap(); t.push(x.elapsed());
  let x=Instant::now(); lake.append(Family::Order,vec![batch],i*3,i*3+3).await.unwrap(); a.push(x.elapsed());
  let x=Instant::now(); let c=lake.session(settings.clone()).await.unwrap(); s.push(x.elapsed());
  if i%20==19 {let x=Instant::now(); c.sql("select count(*),sum(total) from events.orders where event_date='2026-03-02'").await.unwrap().collect().await.unwrap(); q.push(x.elapsed());}
 }
 for (n,v) in [("push",&mut t),("append",&mut a),("session",&mut s),("query",&mut q)] { let first=v[..v.len()/4].iter().sum::<std::time::Duration>()/(v.len()/4) as u32; let last=v[v.len()*3/4..].iter().sum::<std::time::Duration>()/(v.len()/4) as u32; v.sort(); println!("{n}: p50 {:?} p99 {:?} first quarter {first:?} last quarter {last:?}",v[v.len()/2],v[v.len()*99/100]); }
 let x=Instant::now(); println!("{:?} {:?}", lake.compact(Family::Order,CompactLimits::default()).await.unwrap(), x.elapsed());
 let c=lake.session(settings.clone()).await.unwrap();
 let f=c.sql("select order_id, shop_date(shop,event_time) as day, event_time, total, lines, count(*) over () as n, row_number() over () as r from events.orders").await.unwrap();
 let sch=f.schema().inner().clone(); let st=f.execute_stream().await.unwrap();
 println!("{:?}", lake.replace_mart("orders",sch,st,MartInfo{comment:"One row an order".into(),..Default::default()}).await.unwrap());
 lake.append(Family::Order,vec![b(601,610)],600,609).await.unwrap();
 println!("{:?}",lake.verify().await.unwrap());
 c.sql("explain select shop, sum(total) from events.orders where event_time > '2026-03-02' and order_id = '5' group by 1").await.unwrap().show().await.unwrap();
});}
