package inputs

import "github.com/smatrix-grid/smatrix/twins"

// all returns the powers of all columns.
func (r *Recording) all() (powers [][]twins.Power) {
	for i := range r.Columns {
		powers = append(powers, r.powersOf(i, 0))
	}
	return powers
}

// powersOf returns the powers of a copy of a column.
func (r *Recording) powersOf(column, weeks int) []twins.Power {
	c, err := r.Column(column, weeks)
	if err != nil {
		panic(err)
	}
	powers, err := c.Powers()
	if err != nil {
		panic(err)
	}
	return powers
}

// all returns the rows around the run.
func (w *Weather) all() (rows []weatherRow) {
	for i := range w.rows.count {
		row, err := w.rows.at(i, decodeWeather)
		if err != nil {
			panic(err)
		}
		rows = append(rows, *row)
	}
	return rows
}
