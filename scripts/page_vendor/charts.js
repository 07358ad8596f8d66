// What the page takes of uPlot: host/admin/page/parts/chart.js imports nothing else.
export { default as uPlot } from "uplot";
