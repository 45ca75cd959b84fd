//! Samples as Parquet: a row group for each page that is read.

use std::{io, sync::Arc};

use bytes::Bytes;
use model::{OrderId, Resource};
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};
use store::{RunRow, StoredSample};

use super::{Wanted, Write, elapsed};
use crate::problem::Problem;

pub(super) const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// Writes them.
pub(super) struct Parquet {
    writer: Option<SerializedFileWriter<Vec<u8>>>,
    taken: Vec<u8>,
    order: OrderId,
    resources: Vec<Resource>,
}

impl Parquet {
    pub(super) fn new(wanted: &Wanted) -> Result<Self, Problem> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("podometer {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer = schema(&wanted.resources)
            .and_then(|schema| SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)));
        let writer = writer.map_err(|error| {
            tracing::error!("Parquet: {error}");
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "no Parquet can be written; the server's log says why",
            )
        })?;
        Ok(Self {
            writer: Some(writer),
            taken: Vec::new(),
            order: wanted.order.clone(),
            resources: wanted.resources.clone(),
        })
    }
}

type Parquetted<T> = Result<T, ParquetError>;

fn schema(resources: &[Resource]) -> Parquetted<TypePtr> {
    let column = |name: &str, kind: Physical, of: Repetition, logical: Option<LogicalType>| {
        let column = Type::primitive_type_builder(name, kind);
        column
            .with_repetition(of)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    let (always, maybe) = (Repetition::REQUIRED, Repetition::OPTIONAL);
    let time = LogicalType::timestamp(true, TimeUnit::MICROS);
    let text = || Some(LogicalType::String);
    let mut fields = vec![
        column("order", Physical::BYTE_ARRAY, always, text())?,
        column("position", Physical::INT32, always, None)?,
        column("task", Physical::BYTE_ARRAY, always, text())?,
        column("attempt", Physical::INT32, always, None)?,
        column("time", Physical::INT64, always, Some(time))?,
        column("elapsed_seconds", Physical::DOUBLE, maybe, None)?,
        column("seq", Physical::INT64, always, None)?,
        column("missed_before", Physical::INT64, always, None)?,
        column("cpu_lower_bound", Physical::BOOLEAN, always, None)?,
        column("is_final", Physical::BOOLEAN, always, None)?,
    ];
    for resource in resources {
        fields.push(column(resource.name(), Physical::DOUBLE, maybe, None)?);
    }
    Type::group_type_builder("sample")
        .with_fields(fields)
        .build()
        .map(Arc::new)
}

impl Write for Parquet {
    fn run(&mut self, _: &RunRow) {}

    fn rows(&mut self, run: &RunRow, samples: &[StoredSample]) -> io::Result<()> {
        let Some(writer) = self.writer.as_mut().filter(|_| !samples.is_empty()) else {
            return Ok(());
        };
        group(writer, &self.order, run, samples, &self.resources).map_err(io::Error::other)
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            self.taken = writer.into_inner().map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        match &mut self.writer {
            // The writer counts what it wrote by itself; what it wrote to may be emptied.
            Some(writer) => match writer.flush() {
                Ok(()) => std::mem::take(writer.inner_mut()).into(),
                Err(_) => Bytes::new(),
            },
            None => std::mem::take(&mut self.taken).into(),
        }
    }
}

fn group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    order: &OrderId,
    run: &RunRow,
    samples: &[StoredSample],
    resources: &[Resource],
) -> Parquetted<()> {
    let rows = samples.len();
    let text = |text: &str| vec![ByteArray::from(text.as_bytes().to_vec()); rows];
    let number = |number: u32| vec![i32::try_from(number).unwrap_or(i32::MAX); rows];
    let mut to = Columns(writer.next_row_group()?);
    to.column::<ByteArrayType>(&text(order.as_str()), None)?;
    to.column::<Int32Type>(&number(run.position.0), None)?;
    to.column::<ByteArrayType>(&text(run.task.as_str()), None)?;
    to.column::<Int32Type>(&number(run.attempt.0), None)?;
    to.column::<Int64Type>(&samples.iter().map(|s| s.time.0).collect::<Vec<_>>(), None)?;
    to.optional(samples.iter().map(|sample| elapsed(run, sample)))?;
    let (seqs, missed): (Vec<_>, Vec<_>) = samples
        .iter()
        .map(|s| (s.seq as i64, s.flags.missed_before as i64))
        .unzip();
    to.column::<Int64Type>(&seqs, None)?;
    to.column::<Int64Type>(&missed, None)?;
    let (bounds, finals): (Vec<_>, Vec<_>) = samples
        .iter()
        .map(|s| (s.flags.cpu_lower_bound, s.flags.is_final))
        .unzip();
    to.column::<BoolType>(&bounds, None)?;
    to.column::<BoolType>(&finals, None)?;
    for resource in resources {
        to.optional(samples.iter().map(|sample| sample.values.get(*resource)))?;
    }
    to.0.close().map(drop)
}

/// A row group that is being written, column by column.
struct Columns<'a>(parquet::file::writer::SerializedRowGroupWriter<'a, Vec<u8>>);

impl Columns<'_> {
    fn column<T: DataType>(&mut self, values: &[T::T], known: Option<&[i16]>) -> Parquetted<()> {
        let Some(mut column) = self.0.next_column()? else {
            return Err(ParquetError::General("a column too many".to_owned()));
        };
        column.typed::<T>().write_batch(values, known, None)?;
        column.close()
    }

    fn optional(&mut self, values: impl Iterator<Item = Option<f64>>) -> Parquetted<()> {
        let all: Vec<_> = values.collect();
        let known: Vec<i16> = all.iter().map(|value| i16::from(value.is_some())).collect();
        let there: Vec<f64> = all.into_iter().flatten().collect();
        self.column::<DoubleType>(&there, Some(&known))
    }
}
