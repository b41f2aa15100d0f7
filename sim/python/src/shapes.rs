//! Shapes, as MaixPy draws them: coordinates are those of pixels' middles, a thickness of -1 fills.

use crate::canvas::Canvas;

type Point = (f64, f64);

/// Pixels of a line on each side of its middle one. OpenCV's lines are this wide: 1, 3, 5, 5, 7, 7 for a thickness of 1 to 6.
fn reach(thickness: i64) -> i64 {
    if thickness <= 1 { 0 } else { thickness / 2 + thickness % 2 }
}

impl Canvas<'_> {
    /// The rectangle whose top left pixel is (`x`, `y`). Its line is centred on the outermost pixels.
    pub(crate) fn rect(&mut self, (x, y): (i64, i64), (w, h): (i64, i64), thickness: i64) {
        if w <= 0 || h <= 0 || thickness == 0 {
            return;
        }
        let (right, bottom) = (x + w, y + h);
        if thickness < 0 {
            return self.fill(x..right, y..bottom);
        }
        let outside = reach(thickness);
        let inside = outside.saturating_add(1);
        let (left, top) = (x - outside, y - outside);
        let (outer_right, outer_bottom) = (right + outside, bottom + outside);
        if inside >= w - inside || inside >= h - inside {
            return self.fill(left..outer_right, top..outer_bottom);
        }
        self.fill(left..outer_right, top..y + inside);
        self.fill(left..outer_right, bottom - inside..outer_bottom);
        self.fill(left..x + inside, y + inside..bottom - inside);
        self.fill(right - inside..outer_right, y + inside..bottom - inside);
    }

    /// A line with round ends.
    pub(crate) fn line(&mut self, from: Point, to: Point, thickness: i64) {
        if thickness <= 1 {
            return self.thin(from, to);
        }
        let radius = reach(thickness) as f64;
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length > 0.0 {
            let (nx, ny) = (-dy / length * radius, dx / length * radius);
            self.area(&[
                (from.0 + nx, from.1 + ny),
                (to.0 + nx, to.1 + ny),
                (to.0 - nx, to.1 - ny),
                (from.0 - nx, from.1 - ny),
            ]);
        }
        for end in [from, to] {
            self.ring(end, 0.0, thickness as f64 / 2.0);
        }
    }

    /// One pixel for each step along the longer axis.
    fn thin(&mut self, from: Point, to: Point) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let flat = dx.abs() >= dy.abs();
        let ((start, across), (length, slope), end) = if flat {
            ((from.0, from.1), (dx, dy), self.width)
        } else {
            ((from.1, from.0), (dy, dx), self.height)
        };
        let slope = if length == 0.0 { 0.0 } else { slope / length };
        let (low, high) = (start.min(start + length).round(), start.max(start + length).round());
        for along in low.max(0.0) as i64..=high.min(end as f64 - 1.0) as i64 {
            let across = (across + (along as f64 - start) * slope).round() as i64;
            let (x, y) = if flat { (along, across) } else { (across, along) };
            self.span(y, x..x + 1);
        }
    }

    /// A circle; filled if `thickness` is negative.
    pub(crate) fn circle(&mut self, middle: Point, radius: f64, thickness: i64) {
        match thickness {
            ..0 => self.ring(middle, 0.0, radius + 0.001),
            0 => {}
            _ => {
                let reach = reach(thickness) as f64 + 0.5;
                self.ring(middle, radius - reach, radius + reach);
            }
        }
    }

    /// The pixels whose middles are from `inner` to below `outer` away.
    fn ring(&mut self, (x, y): Point, inner: f64, outer: f64) {
        let first = (y - outer).ceil().max(0.0) as i64;
        let last = (y + outer).floor().min(self.height as f64 - 1.0) as i64;
        for row in first..=last {
            let up = row as f64 - y;
            let half = |radius: f64| {
                let square = radius * radius - up * up;
                (square > 0.0).then(|| square.sqrt())
            };
            let Some(outer) = half(outer) else { continue };
            // Clamped by the cast where a radius is absurd.
            let (left, right) = ((x - outer).ceil() as i64, (x + outer).floor() as i64);
            match half(inner).filter(|_| inner > 0.0) {
                None => self.span(row, left..right.saturating_add(1)),
                Some(inner) => {
                    let (hole, end) = ((x - inner).floor() as i64, (x + inner).ceil() as i64);
                    self.span(row, left..hole.saturating_add(1));
                    self.span(row, end..right.saturating_add(1));
                }
            }
        }
    }

    /// An ellipse with half axes `axes`, rotated clockwise by `angle` degrees, from `arc.0` to `arc.1` degrees.
    pub(crate) fn ellipse(
        &mut self,
        middle: Point,
        axes: (f64, f64),
        angle: f64,
        arc: (f64, f64),
        thickness: i64,
    ) {
        let (start, end) = if arc.0 <= arc.1 { arc } else { (arc.1, arc.0) };
        let end = end.min(start + 360.0);
        let (sin, cos) = angle.to_radians().sin_cos();
        // At most a quarter of a pixel from the curve.
        let steps =
            ((end - start) / 360.0 * 8.0 * axes.0.max(axes.1).max(1.0).sqrt()).ceil().clamp(4.0, 2000.0);
        let mut points: Vec<Point> = (0..=steps as u32)
            .map(|step| {
                let at = (start + (end - start) * f64::from(step) / steps).to_radians();
                let (x, y) = (axes.0 * at.cos(), axes.1 * at.sin());
                (middle.0 + x * cos - y * sin, middle.1 + x * sin + y * cos)
            })
            .collect();
        if thickness >= 0 {
            return self.path(&points, thickness);
        }
        if end - start < 360.0 {
            points.push(middle);
        }
        self.area(&points);
    }

    /// Lines from point to point.
    pub(crate) fn path(&mut self, points: &[Point], thickness: i64) {
        for pair in points.windows(2) {
            self.line(pair[0], pair[1], thickness);
        }
    }

    /// A polygon with its outline.
    pub(crate) fn area(&mut self, points: &[Point]) {
        self.polygon(points);
        self.path(points, 1);
        if let (Some(&first), Some(&last)) = (points.first(), points.last()) {
            self.thin(last, first);
        }
    }

    /// The pixels whose middles are inside a polygon.
    fn polygon(&mut self, points: &[Point]) {
        let tops = points.iter().map(|p| p.1);
        let first = tops.clone().fold(f64::INFINITY, f64::min).ceil().max(0.0) as i64;
        let last = tops.fold(f64::NEG_INFINITY, f64::max).floor().min(self.height as f64 - 1.0) as i64;
        let mut crossings = Vec::new();
        for row in first..=last {
            let y = row as f64;
            crossings.clear();
            for (i, &(x0, y0)) in points.iter().enumerate() {
                let (x1, y1) = points[(i + 1) % points.len()];
                if (y0 <= y) != (y1 <= y) {
                    crossings.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
                }
            }
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                self.span(
                    row,
                    (pair[0] - 1e-6).ceil() as i64..((pair[1] + 1e-6).floor() as i64).saturating_add(1),
                );
            }
        }
    }
}
