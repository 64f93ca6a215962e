// Keeps a page up to date, draws its charts with a cursor, and remembers the
// theme. Without it everything is there but these three.

const root = document.documentElement
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches

// Theme: the server writes it into the page from a cookie.
document.getElementById("theme")?.addEventListener("click", event => {
  event.preventDefault()
  root.dataset.theme = dark() ? "light" : "dark"
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`
  redraw()
})
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw())

// Charts.
const charts = new Map() // figure → { plot, text }
const probe = document.createElement("i")
const colour = name => {
  document.body.append(probe)
  probe.style.color = `var(${name})`
  const value = getComputedStyle(probe).color
  probe.remove()
  return value
}
const short = value => {
  for (const [size, name] of [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e3, " k"]])
    if (Math.abs(value) >= size) return +(value / size).toFixed(2) + name
  return String(+value.toFixed(6))
}

function options(data, width, cursor) {
  const number = new Intl.NumberFormat("en", { minimumFractionDigits: data.digits, maximumFractionDigits: data.digits })
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", dateStyle: "medium", ...(data.hours && { timeStyle: "short" }) })
  const axis = { stroke: colour("--soft"), font: "12px system-ui", grid: { stroke: colour("--hair"), width: 1 }, ticks: { show: false } }
  return {
    width, height: 232, tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    legend: { show: false }, cursor: { y: false, drag: { x: false } },
    scales: { x: { range: () => [data.from, data.to] }, y: { range: (_, low, high) => uPlot.rangeNum(Math.min(low ?? 0, 0), Math.max(high ?? 1, 0), 0.1, true) } },
    padding: [12, 4, 0, 0],
    axes: [{ ...axis, size: 36, grid: { show: false }, values: [
      [31536000, "{YYYY}", null, null, null, null, null, null, 1], [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
      [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1], [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1]] },
      { ...axis, size: 48, gap: 4, values: (_, values) => values.map(short) }],
    series: [{}, { stroke: colour("--accent"), width: 2, fill: colour("--faint"), spanGaps: false, points: { show: (u, i, from, to) => to - from < 2, size: 5 } },
      { stroke: colour("--soft"), width: 1, spanGaps: false, points: { show: false } }],
    hooks: { setCursor: [u => {
      const i = u.cursor.idx
      if (i == null) { cursor.textContent = ""; return }
      const value = v => v == null ? "none" : number.format(v) + (data.unit ? " " + data.unit : "")
      cursor.textContent = `${day.format(data.x[i] * 1000)}: ${value(data.now[i])}` + (data.before.some(v => v != null) ? ` · before: ${value(data.before[i])}` : "")
    }] },
  }
}

function draw(figure) {
  const text = figure.dataset.series, known = charts.get(figure)
  if (!text || known?.text === text) return
  const data = JSON.parse(text), place = figure.querySelector(".drawing"), values = [data.x, data.now, data.before]
  if (known && known.plot.root.isConnected && known.from === data.from) {
    known.text = text
    known.plot.setData(values)
    return
  }
  known?.plot.destroy()
  place.replaceChildren()
  const plot = new uPlot(options(data, place.clientWidth, figure.querySelector(".cursor")), values, place)
  charts.set(figure, { plot, text, from: data.from })
}

function redraw() {
  for (const { plot } of charts.values()) plot.destroy()
  charts.clear()
  document.querySelectorAll("figure[data-series]").forEach(draw)
}

addEventListener("resize", () => {
  for (const [figure, { plot }] of charts) plot.setSize({ width: figure.querySelector(".drawing").clientWidth, height: 232 })
})

// Times that say how long ago.
function ages() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const seconds = Math.max(0, (Date.now() - new Date(element.dateTime)) / 1000)
    const [size, name] = [[31536000, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([size]) => seconds >= size) ?? [1, "s"]
    const text = `${Math.floor(seconds / size)} ${name} ago`
    if (element.textContent !== text) element.textContent = text
  }
}
setInterval(ages, 1000)

// Updates: the old elements take what differs, so that scroll, focus and
// selection stay. A drawn chart keeps its drawing.
function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh)
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data
    return
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  if (old.matches(".drawing") && charts.has(old.closest("figure"))) return
  if (old.matches(".cursor")) return
  const children = [...fresh.childNodes]
  while (old.childNodes.length > children.length) old.lastChild.remove()
  children.forEach((child, i) => i < old.childNodes.length ? patch(old.childNodes[i], child) : old.append(child))
}

const tags = new Map()
async function update(panel) {
  const old = document.getElementById(panel)
  if (!old) return
  const slow = setTimeout(() => say("The server is slow to answer…"), 5000)
  try {
    const response = await fetch(old.dataset.source, { headers: { Accept: "text/html", ...(tags.has(panel) && { "If-None-Match": tags.get(panel) }) } })
    if (response.status === 304 || !response.ok) return
    tags.set(panel, response.headers.get("ETag"))
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body.firstElementChild
    if (fresh) patch(old, document.importNode(fresh, true))
    old.querySelectorAll("figure[data-series]").forEach(draw)
    say("")
  } finally { clearTimeout(slow) }
}

function say(text) {
  const line = document.getElementById("connection")
  if (line) { line.hidden = !text; line.textContent = text }
}

// Only a page that is seen listens: a browser keeps few connections to a host.
function listen(address) {
  let source, lost = 0
  const open = () => {
    if (source && source.readyState !== EventSource.CLOSED) return
    source = new EventSource(address)
    source.addEventListener("changed", event => Promise.allSettled(JSON.parse(event.data).map(update)))
    source.addEventListener("open", () => {
      if (lost) say("")
      lost = 0
    })
    source.addEventListener("error", () => {
      lost ||= Date.now()
      say("Connection lost; reconnecting. Figures as of " + new Date(lost).toLocaleTimeString() + ".")
      if (source.readyState === EventSource.CLOSED && !document.hidden) setTimeout(open, 3000)
    })
  }
  const close = () => source?.close()
  addEventListener("pagehide", close)
  addEventListener("pageshow", open)
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open())
  open()
}

document.querySelectorAll("figure[data-series]").forEach(draw)
ages()
const live = document.querySelector("[data-live]")
if (live && live.querySelector("[data-source]")) listen(live.dataset.live)
