//! Averages over square windows, in one pass with running sums.

/// The mean of `values` over the pixels of each window of `2 * radius + 1` that are in
/// `mask` (all of them if there is none). Windows end at the picture's border; where a
/// window holds no pixel of the mask the mean is 0.
///
/// `values` and `mask` hold `width` bytes a row; a mask's pixel is in if it isn't 0.
pub(crate) fn masked_mean(
    values: &[u8],
    mask: Option<&[u8]>,
    width: usize,
    radius: usize,
) -> Vec<u8> {
    let height = values.len() / width.max(1);
    let mut columns = Columns {
        sums: vec![0; width],
        counts: vec![0; width],
    };
    let row = |y: usize| y * width..(y + 1) * width;
    let add = |columns: &mut Columns, y: usize, sign: i32| {
        columns.add(&values[row(y)], mask.map(|m| &m[row(y)]), sign);
    };
    for y in 0..radius.min(height) {
        add(&mut columns, y, 1);
    }
    let mut means = vec![0; values.len()];
    for y in 0..height {
        if y + radius < height {
            add(&mut columns, y + radius, 1);
        }
        if y > radius {
            add(&mut columns, y - radius - 1, -1);
        }
        columns.means(&mut means[row(y)], radius);
    }
    means
}

/// Sum and count of each column over the window's rows.
struct Columns {
    sums: Vec<i32>,
    counts: Vec<i32>,
}

impl Columns {
    fn add(&mut self, values: &[u8], mask: Option<&[u8]>, sign: i32) {
        let cells = self.sums.iter_mut().zip(&mut self.counts).zip(values);
        match mask {
            None => cells.for_each(|((sum, count), &value)| {
                *sum += sign * i32::from(value);
                *count += sign;
            }),
            Some(mask) => cells
                .zip(mask)
                .for_each(|(((sum, count), &value), &inside)| {
                    let weight = sign * i32::from(inside != 0);
                    *sum += weight * i32::from(value);
                    *count += weight;
                }),
        }
    }

    fn means(&self, row: &mut [u8], radius: usize) {
        let width = row.len();
        let (mut sum, mut count) = (0, 0);
        for x in 0..radius.min(width) {
            sum += self.sums[x];
            count += self.counts[x];
        }
        for (x, mean) in row.iter_mut().enumerate() {
            if x + radius < width {
                sum += self.sums[x + radius];
                count += self.counts[x + radius];
            }
            if x > radius {
                sum -= self.sums[x - radius - 1];
                count -= self.counts[x - radius - 1];
            }
            *mean = if count > 0 {
                ((sum + count / 2) / count) as u8
            } else {
                0
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(values: &[u8], mask: &[u8], width: usize, radius: usize) -> Vec<u8> {
        let (w, r) = (width as i64, radius as i64);
        let at = |i: usize| (i as i64 % w, i as i64 / w);
        let mean = |i: usize| {
            let (x, y) = at(i);
            let near = |j: &usize| (at(*j).0 - x).abs() <= r && (at(*j).1 - y).abs() <= r;
            let inside: Vec<usize> = (0..values.len())
                .filter(near)
                .filter(|&j| mask[j] != 0)
                .collect();
            let sum: usize = inside.iter().map(|&j| usize::from(values[j])).sum();
            if inside.is_empty() {
                0
            } else {
                ((sum + inside.len() / 2) / inside.len()) as u8
            }
        };
        (0..values.len()).map(mean).collect()
    }

    proptest! {
        #[test]
        fn running_sums_equal_the_naive_mean(
            cells in prop::collection::vec((any::<u8>(), 0u8..2), 1..120),
            width in 1usize..12,
            radius in 0usize..5,
        ) {
            let whole = cells.len() - cells.len() % width;
            let (values, mask): (Vec<u8>, Vec<u8>) = cells[..whole].iter().copied().unzip();
            prop_assert_eq!(masked_mean(&values, Some(&mask), width, radius),
                naive(&values, &mask, width, radius));
            let all = vec![1; whole];
            prop_assert_eq!(masked_mean(&values, None, width, radius),
                naive(&values, &all, width, radius));
        }
    }
}
