use host::sandbox::*;
use std::time::Instant;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let chunk: usize = a[3].parse().unwrap();
    let sandbox = Sandbox::new(1, None).unwrap();
    let plugin = sandbox.load(a[1].as_ref(), Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    println!("{:?} {:?}", plugin.load_time(), plugin.imports());
    let data = std::fs::read(&a[2]).unwrap();
    let mut cuts = vec![];
    let mut pos = 0;
    while pos < data.len() {
        let end = (pos + chunk).min(data.len());
        let end = if end == data.len() { end } else { memchr::memrchr(b'\n', &data[pos..end]).unwrap() + pos + 1 };
        let lines = memchr::memchr_iter(b'\n', &data[pos..end]).count() as u32;
        cuts.push((pos, end, lines));
        pos = end;
    }
    for _ in 0..3 {
        let t = Instant::now();
        let mut usage = Usage::default();
        let mut rejects = 0;
        let mut rows = 0;
        let mut first = 1;
        for &(s, e, lines) in &cuts {
            let r = plugin.call_isolating(&Call {
                sequence: 1,
                first_record: first,
                first_line: first - 1,
                lines,
                json_lines: &data[s..e],
            });
            let r = r.unwrap_or_else(|e| panic!("{e}"));
            usage.add(&r.usage);
            rejects += r.rejects.len();
            first += lines as u64;
            if let Some(x) = r.rejects.first() {
                println!("{x:?}");
            }
            rows += r.parts.iter().map(|p| p.tables[0].count).sum::<usize>();
        }
        println!(
            "{:?} rows {rows} rejects {rejects} fuel/byte {:.2} mem {} MiB",
            t.elapsed(),
            usage.fuel as f64 / data.len() as f64,
            usage.memory_bytes >> 20
        );
    }
}
