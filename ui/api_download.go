package ui

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/tables"
	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/ui/viewers"
)

type readingsTable struct {
	RunQuery
	Path      []string `query:"path,explode" maxItems:"1000" doc:"of twins; all if left out"`
	Community string   `query:"community" maxLength:"500" doc:"its id or path: all its twins"`
	From      int64    `query:"from" default:"0"`
	To        int64    `query:"to" default:"-1"`
}

type gridTable struct {
	RunQuery
	From int64 `query:"from" default:"0"`
	To   int64 `query:"to" default:"-1"`
}

// mediaTypes are the media types of downloads by file extension.
var mediaTypes = map[string]string{"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

// download streams a file. write must call more for each row, which extends the deadline: a large
// file may take long, but a client that stops reading is disconnected. An error of write aborts
// the response, so that a client that still reads notices that the file is incomplete.
func download(name, format string, write func(w io.Writer, more func()) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", mediaTypes[format])
		ctx.SetHeader("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
		_, w := humago.Unwrap(ctx)
		deadline, n := http.NewResponseController(w), 0
		err := write(ctx.BodyWriter(), func() {
			if n++; n%1000 == 0 {
				_ = deadline.SetWriteDeadline(time.Now().Add(answeredIn))
			}
		})
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}}
}

// heldSteps calls visit with the steps that the history holds, in order, until visit returns an error.
func (r *run) heldSteps(from, to twins.Tick, visit func(*Step) error) error {
	first, _ := r.history.Bounds()
	for t := max(from, first); t < to; t++ {
		step, err := r.history.Step(t, false)
		if err != nil {
			continue // evicted in the meantime
		}
		if err := visit(step); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) readingsTable(q *readingsTable, format string) (*huma.StreamResponse, error) {
	from, to, err := r.span(Window{From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	places, err := r.selectedTwins(q)
	if err != nil {
		return nil, err
	}
	write := r.readingsParquet
	if format == "csv" {
		write = r.readingsCSV
	}
	return download("readings", format, func(w io.Writer, more func()) error { return write(w, from, to, places, more) }), nil
}

func (r *run) readingsCSV(w io.Writer, from, to twins.Tick, places []Place, more func()) error {
	columns := sim.ReadingColumns()
	out := csv.NewWriter(w)
	if err := out.Write(append([]string{"step", "time", "member", "kind", "community"}, columns...)); err != nil {
		return err
	}
	err := r.heldSteps(from, to, func(step *Step) error {
		head := []string{strconv.FormatInt(int64(step.Tick), 10), r.time(step.Tick)}
		for _, p := range places {
			more()
			if r.absent(p, step) {
				continue
			}
			if err := out.Write(append(slices.Clone(head), r.csvRow(step, p, columns)...)); err != nil {
				return err
			}
		}
		return nil
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func (r *run) readingsParquet(w io.Writer, from, to twins.Tick, places []Place, more func()) error {
	out := tables.NewReadings(w, r.scenario.Calendar)
	err := r.heldSteps(from, to, func(step *Step) error {
		at := r.scenario.Calendar.Time(step.Tick)
		for _, p := range places {
			more()
			if r.absent(p, step) {
				continue
			}
			b := r.index.block(p)
			member := tables.Member{Path: b.Paths[p.Row], Kind: b.Kind, Community: r.index.Communities[b.Community[p.Row]].Path}
			values := &step.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block]
			if err := out.Add(step.Tick, at, member, func(c int) (int64, bool) {
				v := values.Value(c, int(p.Row))
				return v, v != viewers.None
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// selectedTwins returns the places of the twins that the query selects, in the order of readings.csv.
func (r *run) selectedTwins(q *readingsTable) (places []Place, err error) {
	for _, path := range q.Path {
		p, ok := r.index.Place(path)
		if !ok {
			return nil, huma.Error404NotFound(fmt.Sprintf("no twin %q", path))
		}
		places = append(places, p)
	}
	if q.Community == "" && len(places) > 0 {
		return places, nil
	}
	if q.Community != "" && !strings.HasPrefix(q.Community, twins.GridPath+"/") {
		q.Community = twins.GridPath + "/" + q.Community
	}
	found := q.Community == ""
	for i := range r.index.Communities {
		c := &r.index.Communities[i]
		if q.Community != "" && c.Path != q.Community {
			continue
		}
		found = true
		for _, t := range c.Tiles {
			for k := range r.index.Tiles[t].Blocks {
				for row, of := range r.index.Tiles[t].Blocks[k].Community {
					if int(of) == i {
						places = append(places, Place{int32(t), int32(k), int32(row)})
					}
				}
			}
		}
	}
	if !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("no community %q", q.Community))
	}
	return places, nil
}

func (r *run) csvRow(step *Step, p Place, columns []string) []string {
	b, values := r.index.block(p), &step.Scopes[r.index.scopeOfTile(int(p.Tile))][p.Block]
	row := []string{b.Paths[p.Row], b.Kind.Name, r.index.Communities[b.Community[p.Row]].Path}
	for _, name := range columns {
		c, v := columnOf(b.Kind, name), viewers.None
		if c >= 0 {
			v = values.Value(c, int(p.Row))
		}
		if v == viewers.None {
			row = append(row, "")
			continue
		}
		row = append(row, string(twins.AppendScaled(nil, v, b.Kind.Columns[c].Places)))
	}
	return row
}

// gridColumns are the first flow columns of the grid's table, in the order of the table.
var gridColumns = []string{"load_w", "generation_w", "import_w", "export_w", "charge_w", "discharge_w", "network_loss_w", "curtailed_w", "unserved_w"}

func (r *run) gridTable(q *gridTable, format string) (*huma.StreamResponse, error) {
	from, to, err := r.span(Window{From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	write := r.gridParquet
	if format == "csv" {
		write = r.gridCSV
	}
	return download("grid", format, func(w io.Writer, more func()) error { return write(w, from, to, more) }), nil
}

func (r *run) gridCSV(w io.Writer, from, to twins.Tick, more func()) error {
	out := csv.NewWriter(w)
	if err := out.Write(append([]string{"step", "time"}, sim.GridColumns()...)); err != nil {
		return err
	}
	err := r.heldSteps(from, to, func(step *Step) error {
		more()
		row := []string{strconv.FormatInt(int64(step.Tick), 10), r.time(step.Tick)}
		for _, v := range r.gridValues(step) {
			text := ""
			if v.Known {
				text = string(twins.AppendScaled(nil, v.Value, v.Places))
			}
			row = append(row, text)
		}
		return out.Write(row)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func (r *run) gridParquet(w io.Writer, from, to twins.Tick, more func()) error {
	out := tables.NewGrid(w, r.scenario.Calendar)
	err := r.heldSteps(from, to, func(step *Step) error {
		more()
		return out.Add(step.Tick, r.scenario.Calendar.Time(step.Tick), r.gridValues(step))
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// gridValues returns the values of sim.GridColumns in a step.
func (r *run) gridValues(step *Step) []sim.GridValue {
	grid := &step.Scopes[scopeGrid][0]
	var row []sim.GridValue
	add := func(v int64, places int) {
		row = append(row, sim.GridValue{Value: v, Places: places, Known: v != viewers.None})
	}
	for _, name := range gridColumns {
		add(grid.Value(flowColumnNamed(name), 0), 3)
	}
	add(farthest(grid), 6)
	add(grid.Value(flowColumnNamed("price_eur_per_mwh"), 0), 9) // of a kWh
	add(grid.Value(flowColumnNamed("co2_g_per_kwh"), 0), 3)
	return row
}

// farthest returns the frequency within the step that was farthest from nominal, in µHz; viewers.None if the
// grid had none.
func farthest(grid *viewers.Block) int64 {
	least, most := grid.Value(flowColumnNamed("frequency_min_hz"), 0), grid.Value(flowColumnNamed("frequency_max_hz"), 0)
	if least != viewers.None && most-nominal > nominal-least {
		return most
	}
	return least
}

func (s *Server) downloadRoutes(a *api) {
	for format, media := range mediaTypes {
		media, _, _ = strings.Cut(media, ";")
		of := func(name, summary string) huma.Operation {
			o := operation(http.MethodGet, "/download/"+name+"."+format, summary, http.StatusOK)
			schema := &huma.Schema{Type: huma.TypeString}
			if format == "parquet" {
				schema.Format = "binary"
			}
			o.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{media: {Schema: schema}}}}
			return o
		}
		register(a, Watch, of("readings", "Readings as a table"), func(_ context.Context, q *readingsTable) (*huma.StreamResponse, error) {
			r, err := s.runOf(q.RunQuery)
			if err != nil {
				return nil, err
			}
			return r.readingsTable(q, format)
		})
		register(a, Watch, of("grid", "The whole grid as a table"), func(_ context.Context, q *gridTable) (*huma.StreamResponse, error) {
			r, err := s.runOf(q.RunQuery)
			if err != nil {
				return nil, err
			}
			return r.gridTable(q, format)
		})
	}
}
