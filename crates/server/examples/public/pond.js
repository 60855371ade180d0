"use strict";

const canvas = document.getElementById("pond");
const here = document.getElementById("here");
const paper = canvas.getContext("2d");
const LIFE = 2500; // ms that a ripple lasts
let ripples = [];
let socket;

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/pond`);
  socket.onmessage = (event) => hear(event.data);
  socket.onclose = () => {
    here.textContent = "The way to the pond is lost. Looking for it again…";
    setTimeout(connect, 1000 + 1000 * Math.random());
  };
}

// Either "here 3", how many are here, or "0.25 0.5", where the water was touched.
function hear(message) {
  const [first, second] = message.split(" ");
  if (first === "here") {
    here.textContent = second === "1" ? "You are alone here." : `${second} are here.`;
    return;
  }
  const [x, y] = [Number(first), Number(second)];
  if (x >= 0 && x <= 1 && y >= 0 && y <= 1) {
    ripples.push({ x, y, born: performance.now() });
    if (ripples.length === 1) requestAnimationFrame(draw);
  }
}

function draw(now) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  paper.scale(scale, scale);
  ripples = ripples.filter(({ born }) => now - born < LIFE);
  for (const { x, y, born } of ripples) {
    for (const delay of [0, 0.12, 0.24]) {
      const age = (now - born) / LIFE - delay;
      if (age < 0) continue;
      paper.strokeStyle = `rgb(159 227 214 / ${0.8 * (1 - age) ** 2})`;
      paper.lineWidth = 1 + 3 * (1 - age);
      paper.beginPath();
      paper.arc(x * width, y * height, 6 + age * 160, 0, 2 * Math.PI);
      paper.stroke();
    }
  }
  if (ripples.length > 0) requestAnimationFrame(draw);
}

canvas.addEventListener("pointerdown", (event) => {
  if (socket.readyState !== WebSocket.OPEN) return;
  const x = event.offsetX / canvas.clientWidth;
  const y = event.offsetY / canvas.clientHeight;
  socket.send(`${x.toFixed(4)} ${y.toFixed(4)}`);
});

connect();
